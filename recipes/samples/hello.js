const greet = (name) => `hi ${name}`; // greet
console.log(greet("Zoë"));
