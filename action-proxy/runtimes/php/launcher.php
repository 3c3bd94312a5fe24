<?php
// Runs one action inside a sandbox: POST /init loads it, every POST /run calls it.

declare(strict_types=1);

namespace Argo;

require __DIR__ . '/http_server.php';

const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
const RUN_FIELDS = ['namespace', 'action_name', 'action_version', 'activation_id', 'transaction_id', 'deadline', 'api_key'];
const NOT_A_DICTIONARY = 'The action did not return a dictionary or array.';
const RUN_FAILED = 'An error occurred running the action.';

final class InitError extends \RuntimeException
{
}

/** State of one action: ready → initialised | failed; answers /init and /run. */
final class Launcher
{
    private string $state = 'ready';
    private string $handler = '';
    private ?Connection $running = null;
    /** @var array<int, resource> descriptors of our own: a function may close its streams */
    private array $streams;
    /** @var array<int, int> their numbers */
    private array $numbers = [];
    /** @var array<int, resource> */
    private array $reopened = [];

    public function __construct()
    {
        foreach ([1 => 'php://stdout', 2 => 'php://stderr'] as $fd => $name) {
            $before = scandir('/proc/self/fd');
            $this->streams[$fd] = fopen($name, 'wb');
            $this->numbers[$fd] = (int) current(array_diff(scandir('/proc/self/fd'), $before)) ?: $fd;
        }
        register_shutdown_function($this->explainFatalError(...));
    }

    public function route(Connection $connection, string $path, string $body): void
    {
        [$status, $answer] = $this->answer($connection, $path, $body);
        $connection->reply($status, $answer);
    }

    /** @return array{int, string} */
    private function answer(Connection $connection, string $path, string $body): array
    {
        if ($path !== '/init' && $path !== '/run') {
            return self::failure(404, 'The requested resource could not be found.');
        }
        try {
            $message = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            return self::failure(400, "The request content was malformed: {$error->getMessage()}");
        }
        if (!is_array($message) || ltrim($body)[0] !== '{') {
            return self::failure(400, 'The request content was malformed: a JSON object is expected');
        }
        return $path === '/run' ? $this->run($connection, $message) : $this->init($message['value'] ?? null);
    }

    /** @return array{int, string} */
    private function init(mixed $value): array
    {
        if ($this->state !== 'ready') {
            return self::failure(403, 'Cannot initialize the action more than once.');
        }
        $code = $value['code'] ?? null;
        $main = $value['main'] ?? 'main';
        if (!is_string($code) || $code === '' || !is_string($main)) {
            return self::failure(403, 'Missing main/no code to execute.');
        }
        $this->state = 'starting';
        foreach ($value['env'] ?? [] as $name => $text) {
            self::setVariable((string) $name, is_string($text) ? $text : json_encode($text));
        }
        try {
            load($code, ($value['binary'] ?? false) === true);
            if (!is_callable($main)) {
                throw new InitError("Action entrypoint '$main' is not a function.");
            }
        } catch (\Throwable $error) {
            return $this->initFailed($error);
        }
        $this->handler = $main;
        $this->state = 'initialised';
        return [200, '{"ok":true}'];
    }

    /** @return array{int, string} */
    private function initFailed(\Throwable $error): array
    {
        $this->state = 'failed';
        $this->log((string) $error);
        $this->mark();
        $kind = $error instanceof InitError || $error instanceof ArchiveError ? '' : $error::class . ': ';
        return self::failure(502, "Initialization has failed due to: $kind{$error->getMessage()}");
    }

    /**
     * @param array<string, mixed> $message
     * @return array{int, string}
     */
    private function run(Connection $connection, array $message): array
    {
        if ($this->state !== 'initialised') {
            return self::failure(403, "System not ready, status is {$this->state}.");
        }
        foreach (RUN_FIELDS as $field) {
            if (isset($message[$field])) {
                self::setVariable('__OW_' . strtoupper($field), (string) $message[$field]);
            }
        }
        $this->running = $connection;
        $answer = $this->call($message['value'] ?? []);
        $this->running = null;
        $this->mark();
        return $answer;
    }

    /** @return array{int, string} */
    private function call(mixed $args): array
    {
        try {
            $result = ($this->handler)($args) ?? [];
            if ($result instanceof \stdClass || $result instanceof \ArrayObject || $result instanceof \JsonSerializable) {
                $result = $result instanceof \ArrayObject ? $result->getArrayCopy() : $result;
            } elseif (!is_array($result)) {
                $this->log('Result must be an array but has type "' . get_debug_type($result) . '"');
                return self::failure(502, NOT_A_DICTIONARY);
            }
            // PHP's empty array is both {} and []: OpenWhisk gives the object.
            return [200, json_encode($result === [] ? (object) [] : $result, self::flags())];
        } catch (\Throwable $error) {
            $this->log((string) $error);
            return self::failure(502, RUN_FAILED);
        }
    }

    private static function flags(): int
    {
        return JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;
    }

    /** @return array{int, string} */
    private static function failure(int $status, string $error): array
    {
        return [$status, json_encode(['error' => $error], JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE)];
    }

    private static function setVariable(string $name, string $value): void
    {
        $_ENV[$name] = $value;
        putenv("$name=$value");
    }

    private function log(string $text): void
    {
        @fwrite($this->streams[2], "$text\n");
    }

    private function mark(): void
    {
        while (ob_get_level() > 0) {
            ob_end_flush();
        }
        flush();
        foreach ($this->streams as $stream) {
            @fwrite($stream, SENTINEL);
        }
        $this->reopen();
    }

    /** A connection that got the number of a closed stream would receive what the function prints. */
    private function reopen(): void
    {
        foreach ([1 => STDOUT, 2 => STDERR] as $fd => $stream) {
            if (!is_resource($stream) && !isset($this->reopened[$fd])) {
                $this->reopened[$fd] = fopen("php://fd/{$this->numbers[$fd]}", 'wb'); // takes the lowest free number
            }
        }
    }

    /** Some errors (out of memory, the time limit) end PHP without an exception: the caller still gets an answer. */
    private function explainFatalError(): void
    {
        $error = error_get_last();
        $fatal = E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR;
        if ($this->running !== null && $error !== null && ($error['type'] & $fatal) !== 0) {
            $this->mark();
            $this->running->reply(...self::failure(502, RUN_FAILED));
        }
    }
}

/** Source text, or a base64 zip with index.php (and perhaps vendor/autoload.php) at its root. */
function load(string $code, bool $binary): void
{
    $folder = tempnam(getenv('ARGO_WORK') ?: sys_get_temp_dir(), 'action-');
    unlink($folder);
    mkdir($folder);
    if ($binary) {
        require __DIR__ . '/archive.php';
        file_put_contents("$folder.zip", base64_decode($code));
        (new Archive("$folder.zip"))->unpack($folder);
        unlink("$folder.zip");
    } else {
        file_put_contents("$folder/index.php", $code);
    }
    chdir($folder);
    if (!is_file('index.php')) {
        throw new InitError('Zipped actions must contain index.php at the root.');
    }
    if (is_file('vendor/autoload.php')) {
        require "$folder/vendor/autoload.php";
    }
    require "$folder/index.php";
}

$launcher = new Launcher();
serve(listen(getenv('ARGO_LISTEN') ?: 'tcp:0.0.0.0:8080'), $launcher->route(...));
