/*
 * PID 1 of a microVM that runs one ordinary language runtime: mounts, starts the launcher, and carries bytes between the virtio-serial
 * port and the launcher's unix socket. The launcher's argv lies in /etc/argv, one NUL after each word; "KEY=value" words before a lone
 * "--" are its environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_FILE "/etc/argv"
#define MOST_WORDS 128
#define MOST_BYTES 16384
#define PORT "/dev/vport0p1"
#define LAUNCHER "/tmp/launcher"
#define RETRY_NS 2000000L

static char words[MOST_BYTES];
static char buffer[65536];

static void finish(const char *reason)
{
	dprintf(2, "runtime-init: %s: %s\n", reason, strerror(errno));
	sync();
	reboot(LINUX_REBOOT_CMD_RESTART); /* a microVM has no ACPI: restart ends the VMM (-no-reboot) */
	for (;;)
		pause();
}

static void mount_all(void)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "") != 0)
		finish("mount /proc");
	if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") != 0 && errno != EBUSY)
		finish("mount /dev");
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
		finish("mount /tmp");
}

/* Splits WORDS_FILE into environment and argv, both ending in NULL. */
static void read_words(char **environment, char **argv)
{
	int file = open(WORDS_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, words, sizeof words - 1);
	size_t variables = 0, arguments = 0;
	int in_argv = 0;

	if (length <= 0)
		finish(WORDS_FILE);
	close(file);
	for (char *word = words; word < words + length; word += strlen(word) + 1) {
		if (!in_argv && strcmp(word, "--") == 0)
			in_argv = 1;
		else if (in_argv && arguments < MOST_WORDS)
			argv[arguments++] = word;
		else if (!in_argv && variables < MOST_WORDS)
			environment[variables++] = word;
	}
	if (arguments == 0)
		finish("no launcher named");
}

static void start_launcher(void)
{
	static char *environment[MOST_WORDS + 1], *argv[MOST_WORDS + 1];
	pid_t child;

	read_words(environment, argv);
	child = fork();
	if (child < 0)
		finish("fork");
	if (child == 0) {
		execve(argv[0], argv, environment);
		dprintf(2, "runtime-init: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
}

static void end_with_launcher(void)
{
	int status;

	if (waitpid(-1, &status, WNOHANG) > 0) {
		errno = 0;
		finish("the launcher ended");
	}
}

/* Before a retry: nobody tells when the port or the launcher's socket appears. */
static void wait_a_little(void)
{
	struct timespec time = { 0, RETRY_NS };

	end_with_launcher();
	nanosleep(&time, NULL);
}

static int open_port(void)
{
	for (;;) {
		int port = open(PORT, O_RDWR | O_CLOEXEC);

		if (port >= 0)
			return port;
		if (errno != ENOENT)
			finish(PORT);
		wait_a_little();
	}
}

static int connect_launcher(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = LAUNCHER };

	for (;;) {
		int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (stream < 0)
			finish("socket");
		if (connect(stream, (struct sockaddr *)&address, sizeof address) == 0)
			return stream;
		close(stream);
		wait_a_little();
	}
}

static void carry(int from, int to)
{
	ssize_t length = read(from, buffer, sizeof buffer);

	if (length <= 0)
		finish("the connection ended");
	for (ssize_t done = 0; done < length;) {
		ssize_t written = write(to, buffer + done, (size_t)(length - done));

		if (written < 0)
			finish("write");
		done += written;
	}
}

int main(void)
{
	struct pollfd ends[2];

	mount_all();
	start_launcher();
	ends[0] = (struct pollfd){ .fd = open_port(), .events = POLLIN };
	ends[1] = (struct pollfd){ .fd = connect_launcher(), .events = POLLIN };
	for (;;) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			finish("poll");
		if (ends[0].revents)
			carry(ends[0].fd, ends[1].fd);
		if (ends[1].revents)
			carry(ends[1].fd, ends[0].fd);
	}
}
