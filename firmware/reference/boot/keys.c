/* Key and IV of the packages, as text: the vendor's documented ones, at the vendor's place (logical 0x1F1C). */
#include "boot.h"

__attribute__((section(".keys"))) const struct package_keys package_keys = {
    .iv = "0123456789ABCDEF",
    .key = "0123456789ABCDEF0123456789ABCDEF",
};
