@ For the debugger: ARM and Thumb functions, stores, a block register, code without a branch for longer than a
@ translated block, and at every fiftieth round an undefined instruction.
.syntax unified
.cpu arm946e-s
    b   reset
    b   undefined
    b   .
    b   .
    b   .
    b   .
    b   .
    b   .
reset:
    ldr r7, =0x400000
    ldr sp, =0x401000
    ldr r6, =0x802800       @ GPIO 0
    mov r4, #0
again:
    ldr r0, =add_one + 1
    mov lr, pc
    bx  r0
    bl  store
    .rept 700
    add r5, r5, #1
    .endr
    str r4, [r6]
    ldr r1, [r6]
    cmp r4, #50
    blt again
    .word 0xe7f000f0
    mov r4, #0
    b   again
store:
    push {r4, lr}
    str r4, [r7]
    strb r4, [r7, #5]
    ldr r1, [r7]
    pop {r4, pc}
undefined:
    ldr r1, [r7, #16]
    add r1, r1, #1
    str r1, [r7, #16]
    movs pc, lr
    .ltorg
.thumb
add_one:
    adds r4, #1
    movs r1, #3
count:
    subs r1, #1
    bne count
    bx  lr
