@ A timer interrupt that counts at 0x400000, and a main loop that waits, then one that only spins on the same stack.
.syntax unified
.cpu arm946e-s
    b   reset
    b   .
    b   .
    b   .
    b   .
    b   .
    b   irq
    b   .
reset:
    ldr r6, =0x800000
    ldr r7, =0x400000
    mov r0, #0x9f           @ system mode, IRQ masked, FIQ not
    msr cpsr_c, r0
    ldr sp, =0x401000
    str r0, [r6, #16]       @ the probe raises IRQ every millisecond
wait:
    mov r0, #0
    mcr p15, 0, r0, c7, c0, 4
    mov r0, #0x1f
    msr cpsr_c, r0
    nop
    mov r0, #0x9f
    msr cpsr_c, r0
    ldr r1, [r7]
    cmp r1, #5
    blt wait
    mov r0, #0x1f
    msr cpsr_c, r0
spin:
    ldr r1, [r7, #4]
    add r1, r1, #1
    str r1, [r7, #4]
    b   spin
irq:
    ldr r9, [r7]
    add r9, r9, #1
    str r9, [r7]
    str r9, [r6, #12]       @ acknowledge
    subs pc, lr, #4
.pool
