<?php
// The least of HTTP/1.1 that /init and /run need: keep-alive, Content-Length, one request at a time on a connection.

declare(strict_types=1);

namespace Argo;

final class Refused extends \RuntimeException
{
}

/** Bytes in, whole requests out. */
final class Connection
{
    private const MAX_HEAD_BYTES = 64 * 1024;
    private const REASONS = [
        200 => 'OK', 400 => 'Bad Request', 403 => 'Forbidden', 404 => 'Not Found', 405 => 'Method Not Allowed',
        411 => 'Length Required', 413 => 'Payload Too Large', 431 => 'Request Header Fields Too Large',
        502 => 'Bad Gateway',
    ];

    private string $data = '';
    private bool $close = false;

    /** @param resource $peer */
    public function __construct(private $peer)
    {
    }

    /** Receives once and answers what is whole; false when the connection is over. */
    public function step(callable $route): bool
    {
        $chunk = fread($this->peer, 262144);
        if ($chunk === false || $chunk === '') {
            return false;
        }
        $this->data .= $chunk;
        try {
            while (($request = $this->nextRequest()) !== null) {
                $route($this, ...$request);
                if ($this->close) {
                    return false;
                }
            }
        } catch (Refused $refused) {
            $this->close = true;
            $reason = self::REASONS[$refused->getCode()];
            $this->reply($refused->getCode(), json_encode(['error' => $reason]));
            return false;
        }
        return true;
    }

    public function reply(int $status, string $body): void
    {
        $connection = $this->close ? "Connection: close\r\n" : '';
        $head = "HTTP/1.1 $status " . self::REASONS[$status] . "\r\nContent-Type: application/json\r\n"
            . 'Content-Length: ' . strlen($body) . "\r\n$connection\r\n";
        $left = $head . $body;
        while ($left !== '') {
            $written = @fwrite($this->peer, $left);
            if ($written === false || $written === 0) {
                $this->close = true;
                return;
            }
            $left = substr($left, $written);
        }
    }

    /** @return array{string, string}|null path and body */
    private function nextRequest(): ?array
    {
        $end = strpos($this->data, "\r\n\r\n");
        if ($end === false) {
            if (strlen($this->data) > self::MAX_HEAD_BYTES) {
                throw new Refused(code: 431);
            }
            return null;
        }
        $head = substr($this->data, 0, $end);
        $length = self::bodyLength($head);
        if (strlen($this->data) < $end + 4 + $length) {
            return null;
        }
        $body = substr($this->data, $end + 4, $length);
        $this->data = substr($this->data, $end + 4 + $length);
        $this->close = preg_match('/\r\nconnection:[ \t]*close/i', $head) === 1;
        return [explode(' ', $head, 3)[1], $body];
    }

    private static function bodyLength(string $head): int
    {
        $limit = (int) (getenv('ARGO_MAX_BODY_BYTES') ?: 128 * 1024 * 1024);
        if (!str_starts_with($head, 'POST ')) {
            throw new Refused(code: 405);
        }
        if (preg_match('/\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)/i', $head, $match) !== 1) {
            throw new Refused(code: 411);
        }
        if ((int) $match[1] > $limit) {
            throw new Refused(code: 413);
        }
        return (int) $match[1];
    }
}

/** Listens on "unix:PATH" or "tcp:HOST:PORT". @return resource */
function listen(string $address)
{
    [$scheme, $rest] = explode(':', $address, 2) + [1 => ''];
    if ($scheme !== 'unix' && $scheme !== 'tcp') {
        throw new \InvalidArgumentException("ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not $address");
    }
    if ($scheme === 'unix' && file_exists($rest)) {
        unlink($rest);
    }
    $before = umask(0111); // the agent may be another user; the folder guards the socket
    $context = stream_context_create(['socket' => ['backlog' => 512, 'tcp_nodelay' => true]]);
    $server = stream_socket_server(
        "$scheme://$rest",
        $code,
        $reason,
        STREAM_SERVER_BIND | STREAM_SERVER_LISTEN,
        $context,
    );
    if ($server === false) {
        throw new \RuntimeException("Cannot listen on $address: $reason");
    }
    umask($before);
    return $server;
}

/**
 * Forever, requests one by one: PHP has one thread, so overlapping runs queue.
 *
 * @param resource $server
 */
function serve($server, callable $route): never
{
    $peers = [];
    $connections = [];
    while (true) {
        $ready = [$server, ...$peers];
        [$none, $noneEither] = [null, null];
        if (@stream_select($ready, $none, $noneEither, null) === false) {
            continue;
        }
        foreach ($ready as $stream) {
            if ($stream === $server) {
                $peer = stream_socket_accept($server);
                if ($peer !== false) {
                    stream_set_read_buffer($peer, 0); // else select would not see what the buffer holds
                    $peers[(int) $peer] = $peer;
                    $connections[(int) $peer] = new Connection($peer);
                }
            } elseif (!$connections[(int) $stream]->step($route)) {
                unset($peers[(int) $stream], $connections[(int) $stream]);
                fclose($stream);
            }
        }
    }
}
