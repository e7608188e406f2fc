/* Vectors, the stubs that jump through RAM, and the way from reset to main().
 *
 * Exceptions always vector here, to flash address 0. Each stub saves r0 and r1 on its mode's stack and jumps to the
 * handler whose address stands in RAM; the handler takes r0 and r1 from the stack again. The application puts its own
 * handlers there (docs/hardware/boot.md). */
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
    .word reset, undefined, swi, prefetch_abort, data_abort, reserved, irq, fiq

    .macro stub name, hook
\name:
    push {r0, r1}
    ldr r1, =\hook
    ldr r1, [r1]
    bx r1
    .endm

    stub undefined, 0x40000C
    stub swi, 0x400008
    stub prefetch_abort, 0x400010
    stub data_abort, 0x400014
    stub reserved, 0x400018
    stub irq, 0x400000
    stub fiq, 0x400004
    .ltorg

    .org 0x100
    .ascii CHIP_NAME
    .org 0x108

reset:
    mov r0, #0
    msr cpsr_c, #0xD1               /* FIQ */
    ldr sp, =stack_fiq
    msr cpsr_c, #0xD2               /* IRQ */
    ldr sp, =stack_irq
    msr cpsr_c, #0xD7               /* abort */
    ldr sp, =stack_abort
    msr cpsr_c, #0xDB               /* undefined */
    ldr sp, =stack_undefined
    msr cpsr_c, #0xDF               /* system */
    ldr sp, =stack_system
    msr cpsr_c, #0xD3               /* supervisor: the boot loader's own */
    ldr sp, =stack_supervisor

    ldr r0, =data_start
    ldr r1, =data_end
    ldr r2, =data_load
1:  cmp r0, r1
    ldrlo r3, [r2], #4
    strlo r3, [r0], #4
    blo 1b
    ldr r0, =bss_start
    ldr r1, =bss_end
    mov r2, #0
2:  cmp r0, r1
    strlo r2, [r0], #4
    blo 2b
    bl main
3:  b 3b

/* start_app(address): in ARM state, supervisor mode, IRQ and FIQ masked, as the application expects it. */
    .global start_app
start_app:
    msr cpsr_c, #0xD3
    bx r0

/* What the hooks point at while the boot loader runs: no exception is expected. */
    .global unexpected
unexpected:
    msr cpsr_c, #0xD3
    ldr sp, =stack_supervisor
    bl crashed
