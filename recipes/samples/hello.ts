const greet = (name: string): string => `hi ${name}`; // greet
console.log(greet("Zoë"));
