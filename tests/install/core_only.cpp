// A module is a library of its own.
#include "laneway/core/shape.h"

int main() { return laneway::to_string(laneway::Shape(2, 3).extents()) == "[2, 3]" ? 0 : 1; }
