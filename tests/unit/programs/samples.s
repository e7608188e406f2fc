@ On the board: samples channel 3 of the converter by interrupt. Samples are added up at 0x400000, and interrupts counted
@ behind them. Each twentieth interrupt lets the FIFO fill up, without an interrupt, before it is drained.
.syntax unified
.cpu arm946e-s
    b   start
    nop
    nop
    nop
    nop
    nop
    b   interrupt
    nop
start:
    ldr r0, =0x802000       @ ICU
    ldr r1, =0x802c00       @ SARADC
    ldr r2, =0x400000
    mov r3, #0x800          @ INTERRUPT_ENABLE: the converter's
    str r3, [r0, #0x40]
    mov r3, #1              @ GLOBAL_INT_EN: IRQ
    str r3, [r0, #0x44]
    mov r3, #3              @ CONFIG2: channel 3
    str r3, [r1, #0x08]
    ldr r4, =0x400a         @ STATE: interrupts of the FIFO above two, and of each conversion
    str r4, [r1, #0x0c]
    mov r3, #1              @ CONFIG0: start
    str r3, [r1, #0x00]
    msr cpsr_c, #0x1f
loop:
    add r9, r9, #1
    b   loop

interrupt:
    ldr r5, [r0, #0x4c]     @ INT_STATUS
    str r5, [r2, #8]
    ldr r5, [r2, #4]
    add r5, r5, #1
    str r5, [r2, #4]
    subs r6, r6, #1
    bpl drain
    mov r6, #19
full:
    ldr r5, [r1, #0x0c]
    tst r5, #0x80000000
    beq full
drain:
    ldr r5, [r1, #0x0c]
    tst r5, #0x40000000     @ empty
    bne drained
    ldr r5, [r1, #0x10]
    ldr r7, [r2]
    add r7, r7, r5
    str r7, [r2]
    b   drain
drained:
    ldr r5, [r1, #0x0c]
    orr r5, r5, #0x8000
    orr r5, r5, #0x10
    str r5, [r1, #0x0c]
    subs pc, lr, #4
