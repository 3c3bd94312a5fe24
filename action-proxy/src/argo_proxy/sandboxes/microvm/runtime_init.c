/*
 * PID 1 of a microVM that runs one ordinary language runtime: mounts, starts the launcher as an ordinary user, and carries bytes between
 * virtio-serial ports and the launcher's unix socket.
 *
 * Without arguments there is one port, and the launcher's argv lies in /etc/argv, one NUL after each word; "KEY=value" words before a
 * lone "--" are its environment. What it prints goes to the console.
 *
 * "--ports N" on the kernel's command line: ports 1 to N carry requests, N+1 and N+2 what the launcher prints. Port N+3 first brings the
 * words, as above with one empty word at the end, and takes the launcher's end: "exit 3" or "signal 9", and " oom" where memory ran out.
 * "--net" brings up eth0 with the address that QEMU's user-mode network has for its guest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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
#define MOST_PORTS 28
#define USER 1000
#define LAUNCHER "/tmp/launcher"
#define RETRY_NS 2000000L

static char words[MOST_BYTES];
static char buffer[65536];
static int request_ports; /* 0: one, and no others */
static int status_port = -1;
static pid_t launcher;

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

static ssize_t words_of_file(void)
{
	int file = open(WORDS_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, words, sizeof words - 1);

	if (file >= 0)
		close(file);
	return length;
}

/* An empty word ends them: the stream itself goes on. */
static ssize_t words_of_port(int port)
{
	ssize_t length = 0;

	for (;;) {
		ssize_t more = read(port, words + length, sizeof words - 1 - (size_t)length);

		if (more <= 0)
			return -1;
		length += more;
		if (length >= 2 && words[length - 1] == 0 && words[length - 2] == 0)
			return length - 1;
	}
}

/* Splits the words into environment and argv, both ending in NULL. */
static void split_words(ssize_t length, char **environment, char **argv)
{
	size_t variables = 0, arguments = 0;
	int in_argv = 0;

	if (length <= 0)
		finish("no words");
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

static int open_port(int number);

/* What the launcher may be: an ordinary user without rights, with two ports to print to. */
static void become_launcher(char **argv, char **environment)
{
	if (request_ports > 0) {
		int out = open_port(request_ports + 1), err = open_port(request_ports + 2);

		if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
			_exit(126);
		if (setgroups(0, NULL) != 0 || setgid(USER) != 0 || setuid(USER) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(126);
		if (chdir("/tmp") != 0)
			_exit(126);
	}
	execve(argv[0], argv, environment);
	dprintf(2, "runtime-init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void start_launcher(void)
{
	static char *environment[MOST_WORDS + 1], *argv[MOST_WORDS + 1];

	if (request_ports > 0) {
		status_port = open_port(request_ports + 3);
		split_words(words_of_port(status_port), environment, argv);
	} else {
		split_words(words_of_file(), environment, argv);
	}
	launcher = fork();
	if (launcher < 0)
		finish("fork");
	if (launcher == 0)
		become_launcher(argv, environment);
}

/* Did the kernel kill for want of memory? */
static int ran_out_of_memory(void)
{
	static char text[16384];
	int file = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
	char *line = length > 0 ? strstr(text, "\noom_kill ") : NULL;

	return line != NULL && strtol(line + sizeof "\noom_kill " - 1, NULL, 10) > 0;
}

static void tell_end(int status)
{
	if (status_port < 0)
		return;
	if (WIFSIGNALED(status))
		dprintf(status_port, "signal %d%s\n", WTERMSIG(status), ran_out_of_memory() ? " oom" : "");
	else
		dprintf(status_port, "exit %d%s\n", WEXITSTATUS(status), ran_out_of_memory() ? " oom" : "");
}

static void end_with_launcher(void)
{
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
		if (ended != launcher)
			continue;
		tell_end(status);
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

static int open_port(int number)
{
	char path[32];

	snprintf(path, sizeof path, "/dev/vport0p%d", number);
	for (;;) {
		int port = open(path, O_RDWR | O_CLOEXEC);

		if (port >= 0)
			return port;
		if (errno != ENOENT)
			finish(path);
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

/* False at the end of the stream. */
static int carry(int from, int to)
{
	ssize_t length = read(from, buffer, sizeof buffer);

	if (length <= 0)
		return 0;
	for (ssize_t done = 0; done < length;) {
		ssize_t written = write(to, buffer + done, (size_t)(length - done));

		if (written < 0)
			return 0;
		done += written;
	}
	return 1;
}

static void address(struct sockaddr *into, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)into;

	in->sin_family = AF_INET;
	inet_pton(AF_INET, text, &in->sin_addr);
}

static void raise_interface(int control, const char *name, const char *ip, const char *mask)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	address(&request.ifr_addr, ip);
	if (ioctl(control, SIOCSIFADDR, &request) != 0)
		finish(name);
	address(&request.ifr_netmask, mask);
	ioctl(control, SIOCSIFNETMASK, &request);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
		finish(name);
}

static void raise_network(int outside)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (control < 0)
		finish("socket");
	raise_interface(control, "lo", "127.0.0.1", "255.0.0.0");
	if (outside) {
		raise_interface(control, "eth0", "10.0.2.15", "255.255.255.0");
		address(&route.rt_dst, "0.0.0.0");
		address(&route.rt_genmask, "0.0.0.0");
		address(&route.rt_gateway, "10.0.2.2");
		if (ioctl(control, SIOCADDRT, &route) != 0)
			finish("route");
	}
	close(control);
}

static void read_arguments(int argc, char **argv)
{
	int outside = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--net") == 0)
			outside = 1;
		else if (strcmp(argv[i], "--ports") == 0 && i + 1 < argc)
			request_ports = atoi(argv[++i]);
	}
	if (request_ports < 0 || request_ports > MOST_PORTS)
		finish("--ports");
	if (request_ports > 0)
		raise_network(outside);
}

static int serving; /* ports that carry requests */
static struct pollfd ends[2 * MOST_PORTS]; /* port, connection, port, connection, … */

/* A connection is made when its port first brings bytes, and anew when the launcher has closed it. */
static void connect_ports(void)
{
	for (int i = 0; i < serving; i++) {
		ends[2 * i] = (struct pollfd){ .fd = open_port(i + 1), .events = POLLIN };
		ends[2 * i + 1] = (struct pollfd){ .fd = -1, .events = POLLIN };
	}
	if (request_ports == 0)
		ends[1].fd = connect_launcher();
}

static void serve_port(struct pollfd *port, struct pollfd *connection)
{
	if (port->revents & POLLIN) {
		if (connection->fd < 0)
			connection->fd = connect_launcher();
		if (!carry(port->fd, connection->fd))
			finish("a port ended");
	} else if (port->revents & (POLLHUP | POLLERR)) {
		port->fd = -1; /* nobody is behind it any more */
	}
	if (connection->fd >= 0 && connection->revents && !carry(connection->fd, port->fd)) {
		close(connection->fd);
		connection->fd = -1;
	}
}

static void child_ended(int signal)
{
	(void)signal; /* poll is interrupted, that is all */
}

int main(int argc, char **argv)
{
	struct sigaction on_child = { .sa_handler = child_ended, .sa_flags = SA_RESTART };

	mount_all();
	sigaction(SIGCHLD, &on_child, NULL);
	signal(SIGPIPE, SIG_IGN);
	read_arguments(argc, argv);
	start_launcher();
	serving = request_ports > 0 ? request_ports : 1;
	connect_ports();
	for (;;) {
		struct timespec second = { 1, 0 }; /* a child may end between the look and the wait */

		end_with_launcher();
		if (ppoll(ends, 2 * (nfds_t)serving, &second, NULL) < 0) {
			if (errno != EINTR)
				finish("poll");
			continue;
		}
		for (int i = 0; i < serving; i++)
			serve_port(&ends[2 * i], &ends[2 * i + 1]);
	}
}
