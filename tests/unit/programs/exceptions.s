@ Every exception once. Each handler appends a record (number, SPSR, LR, CPSR) at r7, which begins at 0x400000.
.syntax unified
.cpu arm946e-s
    b   reset
    b   undefined
    b   swi
    b   prefetch_abort
    b   data_abort
    b   .
    b   irq
    b   fiq
reset:
    ldr r7, =0x400000
    ldr r6, =0x800000       @ the probe
    mov r0, #0xdf
    msr cpsr_c, r0
    swi 0x12
    .word 0xe7f000f0        @ undefined
    ldr r0, =0x10000000
    ldr r1, [r0]            @ data abort
    ldr r0, =0x20000000
    blx r0                  @ prefetch abort
after_prefetch_abort:
    adr r0, thumb + 1
    bx  r0
.thumb
thumb:
    nop
    svc 0x34
    .hword 0xde00           @ undefined
    ldr r0, =arm_again
    bx  r0
.pool
.align 2
.arm
arm_again:
    mov r0, #0x1f           @ system mode with both interrupts unmasked
    str r0, [r6, #0]        @ the probe raises IRQ while it is masked
    msr cpsr_c, r0
    nop
    str r0, [r6, #4]        @ and FIQ while it is not
    nop
    b   done
done:
    str r0, [r6, #8]        @ the probe stops the run
    b   .

undefined:
    mov r9, #1
    b   record
swi:
    mov r9, #2
    b   record
prefetch_abort:
    mov r9, #3
    mrs r10, spsr
    mrs r12, cpsr
    stmia r7!, {r9, r10, lr}
    str r12, [r7], #4
    ldr lr, =after_prefetch_abort
    movs pc, lr
data_abort:
    mov r9, #4
    mrs r10, spsr
    mrs r12, cpsr
    stmia r7!, {r9, r10, lr}
    str r12, [r7], #4
    subs pc, lr, #4
irq:
    mov r9, #6
    b   interrupt
fiq:
    mov r9, #7
interrupt:
    mrs r10, spsr
    mrs r12, cpsr
    stmia r7!, {r9, r10, lr}
    str r12, [r7], #4
    str r9, [r6, #12]       @ acknowledge
    subs pc, lr, #4
record:
    mrs r10, spsr
    mrs r12, cpsr
    stmia r7!, {r9, r10, lr}
    str r12, [r7], #4
    movs pc, lr
.pool
