<?php
function greet(string $name): string {
    return "hi $name"; // greet
}
echo greet("Zoë");
