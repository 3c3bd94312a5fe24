package argo.launcher;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/**
 * The least of HTTP/1.1 that /init and /run need: keep-alive, Content-Length, one request at a time on a connection.
 * The JDK's own server loads several hundred classes more.
 */
final class HttpConnection {
    private static final int MAX_HEAD_BYTES = 64 * 1024;
    private static final int MAX_BODY_BYTES = Limits.fromEnvironment("ARGO_MAX_BODY_BYTES", 128 * 1024 * 1024);

    /** What to answer: a status and JSON text. */
    record Answer(int status, byte[] body) {
    }

    /** What the launcher does with a request. */
    interface Route {
        Answer answer(String path, byte[] body);
    }

    /** A request that is answered with a status and ends the connection. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1;
        final int status;

        Refused(int status) {
            super(reason(status), null, false, false);
            this.status = status;
        }
    }

    private final SocketChannel channel;
    private final Route route;
    private byte[] data = new byte[16 * 1024];
    private int size;

    HttpConnection(SocketChannel channel, Route route) {
        this.channel = channel;
        this.route = route;
    }

    /** Answers requests until the peer leaves. */
    void serve() {
        try (channel) {
            while (serveOne()) {
                // each request in turn
            }
        } catch (IOException gone) {
            // the agent went away: nobody is left to tell
        }
    }

    private boolean serveOne() throws IOException {
        try {
            int headEnd = readHead();
            if (headEnd < 0) {
                return false;
            }
            String head = new String(data, 0, headEnd, StandardCharsets.ISO_8859_1);
            byte[] body = readBody(headEnd + 4, bodyLength(head));
            boolean close = "close".equalsIgnoreCase(header(head, "connection"));
            send(route.answer(head.split(" ", 3)[1], body), close);
            return !close;
        } catch (Refused refused) {
            byte[] text = ("{\"error\":\"" + refused.getMessage() + "\"}").getBytes(StandardCharsets.UTF_8);
            send(new Answer(refused.status, text), true);
            return false;
        }
    }

    /** Where the head ends; -1 at the end of the stream. */
    private int readHead() throws IOException, Refused {
        int seen = 0;
        while (true) {
            for (int at = Math.max(0, seen - 3); at + 3 < size; at++) {
                if (data[at] == '\r' && data[at + 1] == '\n' && data[at + 2] == '\r' && data[at + 3] == '\n') {
                    return at;
                }
            }
            seen = size;
            if (size > MAX_HEAD_BYTES) {
                throw new Refused(431);
            }
            if (!receive()) {
                return -1;
            }
        }
    }

    private byte[] readBody(int start, int length) throws IOException {
        if (start + length > data.length) {
            data = Arrays.copyOf(data, start + length);
        }
        while (size < start + length) {
            if (!receive()) {
                throw new EOFException();
            }
        }
        byte[] body = Arrays.copyOfRange(data, start, start + length);
        int rest = size - start - length;
        byte[] next = new byte[Math.max(16 * 1024, rest)];
        System.arraycopy(data, start + length, next, 0, rest);
        data = next;
        size = rest;
        return body;
    }

    private boolean receive() throws IOException {
        if (size == data.length) {
            data = Arrays.copyOf(data, data.length * 2);
        }
        int count = channel.read(ByteBuffer.wrap(data, size, data.length - size));
        size += Math.max(count, 0);
        return count >= 0;
    }

    private static int bodyLength(String head) throws Refused {
        if (!head.startsWith("POST ")) {
            throw new Refused(405);
        }
        String length = header(head, "content-length");
        if (length == null || length.length() > 15 || !length.chars().allMatch(Character::isDigit)) {
            throw new Refused(411);
        }
        if (Long.parseLong(length) > MAX_BODY_BYTES) {
            throw new Refused(413);
        }
        return Integer.parseInt(length);
    }

    private static String header(String head, String name) {
        int at = head.toLowerCase(Locale.ROOT).indexOf("\r\n" + name + ":");
        if (at < 0) {
            return null;
        }
        int start = at + name.length() + 3;
        int end = head.indexOf("\r\n", start);
        return head.substring(start, end < 0 ? head.length() : end).trim();
    }

    private void send(Answer answer, boolean close) throws IOException {
        String head = "HTTP/1.1 " + answer.status + " " + reason(answer.status)
            + "\r\nContent-Type: application/json\r\nContent-Length: " + answer.body.length
            + (close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
        byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] whole = Arrays.copyOf(start, start.length + answer.body.length);
        System.arraycopy(answer.body, 0, whole, start.length, answer.body.length);
        ByteBuffer left = ByteBuffer.wrap(whole);
        while (left.hasRemaining()) {
            channel.write(left);
        }
    }

    private static String reason(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 400 -> "Bad Request";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 411 -> "Length Required";
            case 413 -> "Payload Too Large";
            case 431 -> "Request Header Fields Too Large";
            default -> "Bad Gateway";
        };
    }
}
