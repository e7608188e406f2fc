@ On the board: ticks of timer 1 each millisecond and of timer 3 each two, counted at 0x400000 by the flags that each
@ interrupt finds. Between them the CPU waits, and from the twentieth interrupt on it spins on the stack of the wait.
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
    ldr r1, =0x802a00       @ timers 0 to 2, and behind them 3 to 5
    ldr r2, =0x400000
    mov r3, #0x100          @ INTERRUPT_ENABLE: the timers'
    str r3, [r0, #0x40]
    mov r3, #1              @ GLOBAL_INT_EN: IRQ
    str r3, [r0, #0x44]
    ldr r3, =26000          @ TIMER1_CNT
    str r3, [r1, #0x04]
    mov r3, #2              @ TIMER0_2_CTL: timer 1
    str r3, [r1, #0x0c]
    mov r3, #64             @ TIMER3_CNT
    str r3, [r1, #0x40]
    mov r3, #1              @ TIMER3_5_CTL: timer 3
    str r3, [r1, #0x4c]
    msr cpsr_c, #0x1f
    ldr sp, =0x402000
wait:
    cmp r8, #20
    bhs spin
    mcr p15, 0, r9, c7, c0, 4
    b   wait
spin:
    add r9, r9, #1
    b   spin

interrupt:
    ldr r5, [r1, #0x0c]     @ timer 1's flag: bit 8
    tst r5, #0x100
    ldrne r6, [r2]
    addne r6, r6, #1
    strne r6, [r2]
    strne r5, [r1, #0x0c]
    ldr r5, [r1, #0x4c]     @ timer 3's flag: bit 7
    tst r5, #0x80
    ldrne r6, [r2, #4]
    addne r6, r6, #1
    strne r6, [r2, #4]
    strne r5, [r1, #0x4c]
    add r8, r8, #1
    subs pc, lr, #4
