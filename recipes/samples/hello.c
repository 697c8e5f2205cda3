#include <stdio.h>

int main(void) {
    printf("hi\n"); /* greet */
    return 0;
}
