@ Code in RAM that the guest itself, the bus (DMA) and the probe's flash window change. Sums go to 0x400000.
.syntax unified
.cpu arm946e-s
reset:
    ldr r6, =0x800000
    ldr r7, =0x400000
    ldr r5, =0x401000       @ where the code is put
    mov r4, #0
again:
    ldr r0, =0xe2800000     @ add r0, r0, #n
    orr r0, r0, r4
    str r0, [r5]
    ldr r0, =0xe12fff1e     @ bx lr
    str r0, [r5, #4]
    mov r0, #100
    blx r5
    str r0, [r7], #4
    add r4, r4, #1
    cmp r4, #4
    blt again
    str r0, [r6, #20]       @ the probe writes add r0, r0, #55 there by DMA
    mov r0, #100
    blx r5
    str r0, [r7], #4
    ldr r5, =0x2000         @ the same in the flash window, where the probe programs
    mov r0, #100
    blx r5
    str r0, [r7], #4
    str r0, [r6, #24]       @ the probe writes add r0, r0, #77 there
    mov r0, #100
    blx r5
    str r0, [r7], #4
    str r0, [r6, #8]
    b   .
.pool
