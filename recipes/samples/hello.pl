use strict;
my $name = "Zoe"; # greet
print "hi $name\n";
