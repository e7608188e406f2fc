/* The application's start, its exception handlers, and waiting for interrupts.
 *
 * The boot loader jumps to the first word in supervisor mode with interrupts masked. Its own vectors stay in force;
 * this table has their format because the boot loader checks the word at 0x20. */
#include "placement.h"

    .syntax unified
    .arm
    .section .vectors, "ax"
    .global _start
_start:
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    ldr pc, [pc, #0x18]
    .word reset, unexpected, unexpected, unexpected, unexpected, unexpected, irq, fiq

    .org 0x100
    .ascii CHIP_NAME
    .org 0x108

    .macro copy from, start, end
    ldr r0, =\start
    ldr r1, =\end
    ldr r2, =\from
1:  cmp r0, r1
    ldrlo r3, [r2], #4
    strlo r3, [r0], #4
    blo 1b
    .endm

reset:
    msr cpsr_c, #0xD1               /* FIQ */
    ldr sp, =stack_fiq
    msr cpsr_c, #0xD2               /* IRQ */
    ldr sp, =stack_irq
    msr cpsr_c, #0xD3               /* supervisor */
    ldr sp, =stack_supervisor
    msr cpsr_c, #0xD7               /* abort */
    ldr sp, =stack_abort
    msr cpsr_c, #0xDB               /* undefined */
    ldr sp, =stack_undefined
    msr cpsr_c, #0xDF               /* system: the application's own */
    ldr sp, =stack_main

    copy data_load, data_start, data_end
    copy itcm_load, itcm_start, itcm_end
    ldr r0, =bss_start
    ldr r1, =bss_end
    mov r2, #0
2:  cmp r0, r1
    strlo r2, [r0], #4
    blo 2b
    bl main
3:  b 3b
    .ltorg

/* Handlers. The boot loader's stub has put r0 and r1 on this mode's stack. */
    .section .ramcode, "ax"
    .global irq, fiq, unexpected
irq:
    pop {r0, r1}
    sub lr, lr, #4
    push {r0-r3, r12, lr}
    bl handle_irq
    ldm sp!, {r0-r3, r12, pc}^

fiq:
    pop {r0, r1}
    sub lr, lr, #4
    push {r0-r3, r12, lr}
    bl handle_fiq
    ldm sp!, {r0-r3, r12, pc}^

unexpected:
    msr cpsr_c, #0xD3
    ldr sp, =stack_supervisor
    bl crashed
    .ltorg

/* uint32_t mask_interrupts(void): returns the CPSR for restore_interrupts(). */
    .global mask_interrupts, restore_interrupts
mask_interrupts:
    mrs r0, cpsr
    orr r1, r0, #0xC0
    msr cpsr_c, r1
    bx lr

restore_interrupts:
    msr cpsr_c, r0
    bx lr

/* void wait_for_interrupt(volatile uint32_t *happened): returns at once if that word is not zero. Interrupts are
 * masked in between, so nothing can happen unseen after the look; the wait ends when one is pending, masked or not.
 * It waits on a stack of its own. */
    .global wait_for_interrupt
wait_for_interrupt:
    mrs r3, cpsr
    orr r2, r3, #0xC0
    msr cpsr_c, r2
    ldr r1, [r0]
    cmp r1, #0
    bne 1f
    mov r2, sp
    ldr sp, =stack_idle
    mov r0, #0
    mcr p15, 0, r0, c7, c0, 4
    mov sp, r2
1:  msr cpsr_c, r3
    bx lr
    .ltorg
