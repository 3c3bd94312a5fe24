/* The C functions that a 23.0 image calls and that the newest helper library on Maven Central (21.1.0) does not have. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

extern char **environ;

char **getEnviron(void) { return environ; }

int openSII(const char *path, int flags, int mode) { return open(path, flags, mode); }

int fprintfSD(FILE *file, const char *format, char *text, int number) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  return fprintf(file, format, text, number);
#pragma GCC diagnostic pop
}

int jio_fprintf(FILE *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int written = vfprintf(file, format, arguments);
  va_end(arguments);
  return written;
}

int jio_snprintf(char *buffer, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(buffer, size, format, arguments);
  va_end(arguments);
  return written;
}
