@ A data abort whose handler goes back to what aborted, for ever. What else happens say the flags at 0x20.
.syntax unified
.cpu arm946e-s
    b   reset
    b   .
    b   .
    b   .
    b   data_abort
    b   .
    b   .
    b   .
flags:
    .word 0                 @ 1: the handler pushes, 2: it prints, 4: the watchdog runs, 8: each boot prints
reset:
    ldr r4, flags
    ldr r5, =0x802100       @ UART1
    mov r0, #0xd7
    msr cpsr_c, r0          @ abort mode, which the handler finds its stack in
    ldr sp, =0x420000
    mov r0, #0xd3
    msr cpsr_c, r0
    mov r0, #3
    str r0, [r5]            @ CONFIG: transmit and receive
    mov r1, #'*'
    tst r4, #8
    strne r1, [r5, #12]     @ FIFO_PORT
    ldr r2, =0x802900       @ the watchdog: 20 ms
    ldr r0, =0x5a0014
    tst r4, #4
    strne r0, [r2]
    eorne r0, r0, #0xff0000
    strne r0, [r2]
    ldr r6, =0x10000000
    ldr r0, [r6]
    b   .

data_abort:
    tst r4, #1
    stmdbne sp!, {r0-r3}
    tst r4, #2
    strne r1, [r5, #12]
    subs pc, lr, #8
.pool
