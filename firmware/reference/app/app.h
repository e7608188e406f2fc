/* The application's parts around the network. */
#ifndef APP_H
#define APP_H

#include "common.h"

/* start.S */
void irq(void);
void fiq(void);
void unexpected(void);
uint32_t mask_interrupts(void);
void restore_interrupts(uint32_t cpsr);
void wait_for_interrupt(volatile uint32_t *happened);

/* interrupts.c */
void interrupts_init(void);
void handle_irq(void);
void handle_fiq(void);
void crashed(void) __attribute__((noreturn));

/* clock.c */
void clock_init(void);
void clock_tick(void);
void clock_pass(void);
uint32_t milliseconds(void);
int passed(uint32_t since, uint32_t duration);

/* main.c: everything that happens outside of interrupts happens in here */
extern volatile uint32_t happened;
void run_once(void);
typedef int condition(void);
int wait_until(condition *condition, uint32_t most); /* milliseconds; 0: it did not come true */

/* console.c, commands.c */
void console_init(void);
void console_interrupt(void);
void console_poll(void);
void command(int count, char **words);

/* ota.c, reboot.c, random.c */
void http_ota(const char *url);
void reboot(void) __attribute__((noreturn));
uint32_t random_number(void);

#endif
