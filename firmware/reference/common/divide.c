/* Division, which the ARM968E-S has no instruction for. The names are those that the compiler calls (ARM RTABI). */
#include <stdint.h>

uint64_t unsigned_divide(uint32_t dividend, uint32_t divisor); /* quotient low, remainder high: r0 and r1 */

uint64_t unsigned_divide(uint32_t dividend, uint32_t divisor)
{
    uint32_t quotient = 0;
    int shift;

    if (divisor == 0)
        return ~0ull;
    shift = __builtin_clz(divisor) - (dividend ? __builtin_clz(dividend) : 32);
    for (; shift >= 0; shift--) {
        if (dividend >= divisor << shift) {
            dividend -= divisor << shift;
            quotient |= 1u << shift;
        }
    }
    return (uint64_t)dividend << 32 | quotient;
}

uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b) __attribute__((alias("unsigned_divide")));

uint32_t __aeabi_uidiv(uint32_t a, uint32_t b);
uint32_t __aeabi_uidiv(uint32_t a, uint32_t b)
{
    return (uint32_t)unsigned_divide(a, b);
}

int32_t __aeabi_idiv(int32_t a, int32_t b);
int32_t __aeabi_idiv(int32_t a, int32_t b)
{
    uint32_t quotient = __aeabi_uidiv(a < 0 ? -(uint32_t)a : (uint32_t)a, b < 0 ? -(uint32_t)b : (uint32_t)b);
    return (int32_t)((a < 0) != (b < 0) ? -quotient : quotient);
}
