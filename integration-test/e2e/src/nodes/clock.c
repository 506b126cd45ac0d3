/* Has a program see the wall clock ahead by WRONG_CLOCK_AHEAD seconds; loaded before the C library (LD_PRELOAD). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = syscall(SYS_clock_gettime, clock, time);
    const char *ahead = getenv("WRONG_CLOCK_AHEAD");
    if (result == 0 && clock == CLOCK_REALTIME && ahead != NULL) {
        time->tv_sec += atol(ahead);
    }
    return (int)result;
}
