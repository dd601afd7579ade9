/* The two peers of bench_transmit.py: the line, and a responder with the same task as our sending loop.
 *
 *   transmit_peer line SYNCS PERIOD_US WARM_S PAYLOAD_HEX...   a pty with sync frames; prints the path, then one line a
 *                                                            sync: nanoseconds from just before the sync frame was
 *                                                            written to the first byte of the answer, -1 for none
 *   transmit_peer answer PATH                                reads the line, answers each sync frame with one frame
 *
 * Both ask for SCHED_FIFO and locked memory, as our loop does, and go on without.  The answer of the C side does what no
 * responder can leave out: find the sync frame, test its checksum, put the number and the checksum into a frame.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { END = 0xFF, ESCAPE = 0xFA, SYNC = 0xFD, DATA = 0xFE, MARKER = 0x55, TELL_EVERY = 20 };

static long long now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void urgent(int priority) {
    struct sched_param wanted = {.sched_priority = priority};
    if (sched_setscheduler(0, SCHED_FIFO, &wanted)) fprintf(stderr, "C: no real-time priority\n");
    if (mlockall(MCL_CURRENT | MCL_FUTURE)) fprintf(stderr, "C: memory is not locked\n");
}

/* A frame with stuffing and checksum; returns its length. */
static int frame(unsigned char *out, int id0, int id1, int kind, int number, const unsigned char *payload, int size) {
    int n = 0, sum = 0;
    out[n++] = id0;
    out[n++] = id1;
    out[n++] = kind;
    out[n++] = number;
    for (int i = 0; i < size; i++) {
        if (payload[i] >= ESCAPE) {
            out[n++] = ESCAPE;
            out[n++] = 0x70 | (payload[i] & 0x0F);
        } else {
            out[n++] = payload[i];
        }
    }
    for (int i = 2; i < n; i++) sum += out[i];
    if (kind == SYNC) sum -= MARKER;
    int check = (1 - sum) & 0xFF;
    if (check > ESCAPE) {
        out[n++] = ESCAPE;
        out[n++] = check - ESCAPE;
    } else {
        out[n++] = check;
    }
    out[n++] = END;
    return n;
}

static void put(int fd, const unsigned char *data, int size) {
    while (size > 0) {
        int done = write(fd, data, size);
        if (done < 0) {
            if (errno == EAGAIN) continue;
            return;
        }
        data += done;
        size -= done;
    }
}

/* --- the line ---------------------------------------------------------------------------------------------------- */
static int number = 0;

static void say(int fd, int kind, const unsigned char *payload, int size) {
    unsigned char out[256];
    number = (number + 1) & 0x7F;
    put(fd, out, frame(out, 0x83, 0x83, kind, number, payload, size));
}

/* Listen until a time; returns when the first byte came, or -1.  A line hears itself, so everything goes back. */
static long long listen_until(int fd, long long until) {
    unsigned char data[4096];
    long long first = -1;
    for (;;) {
        long long left = until - now_ns();
        if (left <= 0) return first;
        struct pollfd one = {.fd = fd, .events = POLLIN};
        struct timespec wait = {.tv_sec = left / 1000000000LL, .tv_nsec = left % 1000000000LL};
        if (ppoll(&one, 1, &wait, NULL) <= 0) continue;
        if (!(one.revents & POLLIN)) {  /* nobody there yet */
            usleep(1000);
            continue;
        }
        int size = read(fd, data, sizeof data);
        if (size <= 0) continue;
        if (first < 0) first = now_ns();
        put(fd, data, size);
        for (int i = 0; i + 3 < size; i++)
            if (data[i + 2] == DATA && data[i + 3] < 0x80) {
                number = data[i + 3];
                break;
            }
    }
}

static int line(int argc, char **argv) {
    long syncs = atol(argv[2]);
    long long period = atol(argv[3]) * 1000LL, warm = (long long)(atof(argv[4]) * 1e9);
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    grantpt(fd);
    unlockpt(fd);
    int slave = open(ptsname(fd), O_RDWR | O_NOCTTY);  /* raw, and it stays open: a line does not hang up */
    struct termios raw;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    printf("%s\n", ptsname(fd));
    fflush(stdout);
    long long *found = calloc(syncs, sizeof *found);
    unsigned char body[4] = {MARKER, 0xAB, 0x03, 0x40}, payload[128];
    urgent(20);
    long long due = now_ns();
    int answered = 0;
    long at = 0;
    long long begin = 0, limit = due + warm;
    for (long count = 0; at < syncs; count++) {
        due += period;
        long long start = now_ns();
        say(fd, SYNC, body, sizeof body);
        long long first = listen_until(fd, due - period / 4);
        if (first > 0 && !answered) {
            answered = 1;
            begin = now_ns() + 500000000LL;  /* the first answers warm caches and do not count */
        }
        if (answered && now_ns() > begin) found[at++] = first < 0 ? -1 : first - start;
        if (!answered && now_ns() > limit) break;
        if (count % TELL_EVERY == 0 && !answered)
            for (int i = 5; i < argc; i++) {
                int size = strlen(argv[i]) / 2;
                for (int k = 0; k < size; k++) sscanf(argv[i] + 2 * k, "%2hhx", &payload[k]);
                say(fd, DATA, payload, size);
            }
        listen_until(fd, due);
        if (now_ns() > due + period) due = now_ns();
    }
    for (long i = 0; i < at; i++) printf("%lld\n", found[i]);
    return at == syncs ? 0 : 1;
}

/* --- the responder ----------------------------------------------------------------------------------------------- */
static int answer(const char *path) {
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    unsigned char data[4096], out[64];
    unsigned char payload[8] = {'L', 'A', 'B', 1, 0x20, 0, 0, 0};
    int kept = 0;
    urgent(10);
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        if (poll(&one, 1, 1000) <= 0) continue;
        int size = read(fd, data + kept, sizeof data - kept);
        if (size <= 0) return 0;
        kept += size;
        int from = 0;
        for (int i = 0; i < kept; i++) {
            if (data[i] != END) continue;
            unsigned char *start = data + from;
            int length = i + 1 - from, sum = 0;
            if (length >= 7 && start[2] == SYNC && start[4] == MARKER) {
                for (int k = 2; k < length; k++) sum += start[k];
                if (((sum - MARKER) & 0xFF) == 0) {
                    put(fd, out, frame(out, 0x4C, 0x42, DATA, (start[3] + 1) & 0x7F, payload, sizeof payload));
                    payload[7]++;
                }
            }
            from = i + 1;
        }
        memmove(data, data + from, kept - from);
        kept -= from;
        if (kept == sizeof data) kept = 0;
    }
}

int main(int argc, char **argv) {
    if (argc >= 5 && !strcmp(argv[1], "line")) return line(argc, argv);
    if (argc == 3 && !strcmp(argv[1], "answer")) return answer(argv[2]);
    fprintf(stderr, "usage: transmit_peer line SYNCS PERIOD_US WARM_S PAYLOAD_HEX... | transmit_peer answer PATH\n");
    return 2;
}
