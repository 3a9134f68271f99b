// Runs one program and reports what it cost: user and system CPU time, resident peak, wall time, exit status.
//
// It is a C program of its own, because a child's maximum resident size includes that of the process it was started
// from at that moment: started from a Python script, nothing could read below Python's own size.
//
// usage: measure STDOUT-FILE PROGRAM [ARGUMENT]...     prints one line of JSON
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s STDOUT-FILE PROGRAM [ARGUMENT]...\n", argv[0]);
    return 2;
  }
  double start = now();
  pid_t child = fork();
  if (child < 0) {
    perror("fork");
    return 1;
  }
  if (child == 0) {
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int in = open("/dev/null", O_RDONLY);
    if (out < 0 || in < 0 || dup2(out, 1) < 0 || dup2(in, 0) < 0) {
      perror(argv[1]);
      _exit(126);
    }
    close(out);
    close(in);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  int status = 0;
  struct rusage use;
  if (wait4(child, &status, 0, &use) != child) {
    perror("wait4");
    return 1;
  }
  double wall = now() - start;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("{\"user\": %.6f, \"system\": %.6f, \"wall\": %.6f, \"max_rss_kib\": %ld, \"exit\": %d}\n",
         seconds(use.ru_utime), seconds(use.ru_stime), wall, use.ru_maxrss, code);
  return 0;
}
