@ On the board: writes and reads an EEPROM at 0x50 on I2C1, reads 16 bits on SPI and channel 1 of the converter, leaves
@ what it got at 0x400000, and then lets the level on P8 follow the button on P26, which is pulled up.
.syntax unified
.cpu arm946e-s
    ldr r4, =0x802800       @ GPIO
    ldr r5, =0x400000
    ldr r6, =0x802300       @ I2C1
    ldr r7, =0x802700       @ SPI
    ldr r8, =0x802c00       @ SARADC
    mov r0, #0x3c           @ input, pulled up
    str r0, [r4, #104]
    mov r0, #0              @ output
    str r0, [r4, #32]
@ 0x5a to address 0x10
    mov r0, #0xa0
    mov r1, #0x13           @ on, start, sending
    bl  step
    mov r0, #0x10
    mov r1, #0x11           @ on, sending
    bl  step
    mov r0, #0x5a
    mov r1, #0x11
    bl  step
    mov r1, #0x05           @ on, stop
    str r1, [r6]
@ until it acknowledges again
poll:
    ldr r9, [r5, #12]
    add r9, r9, #1
    str r9, [r5, #12]
    mov r0, #0xa0
    mov r1, #0x13
    bl  step
    tst r1, #0x20000
    moveq r1, #0x05
    streq r1, [r6]
    beq poll
@ and back
    mov r0, #0x10
    mov r1, #0x11
    bl  step
    mov r0, #0xa1
    mov r1, #0x13
    bl  step
    mov r1, #0x01           @ on, receiving
    bl  go
    ldr r0, [r6, #4]
    str r0, [r5]
    mov r1, #0x05
    str r1, [r6]
@ 16 bits on SPI, 0.23 s later
    ldr r0, =3450000
delay:
    subs r0, r0, #1
    bne delay
    mov r0, #0xc00000       @ on, master
    str r0, [r7]
    mov r0, #0
    str r0, [r7, #12]
    str r0, [r7, #12]
    ldr r0, =0x00200203     @ two bytes each way
    str r0, [r7, #4]
    ldr r0, [r7, #12]
    ldr r1, [r7, #12]
    orr r0, r1, r0, lsl #8
    str r0, [r5, #4]
    mov r0, #0
    str r0, [r7, #4]
@ channel 1
    mov r0, #1
    str r0, [r8, #8]
    str r0, [r8]
    mov r0, #8              @ interrupt of the FIFO
    str r0, [r8, #12]
convert:
    ldr r0, [r8, #12]
    tst r0, #0x40000000     @ empty
    bne convert
    ldr r0, [r8, #16]
    str r0, [r5, #8]
    mov r0, #0
    str r0, [r8]
@ the button
follow:
    ldr r0, [r4, #104]
    and r0, r0, #1
    mov r0, r0, lsl #1
    str r0, [r4, #32]
    b   follow
@ r0 into the data register, r1 into the configuration; r1 is what that reads afterwards
step:
    str r0, [r6, #4]
go:
    str r1, [r6]
waiting:
    ldr r1, [r6]
    tst r1, #0x10000
    beq waiting
    bx  lr
