/* A header-only target still needs a file to compile. */
#include "intrinsics.h"
