<?php
// Unpacks a zip into an empty folder: bounded in entries and bytes, and never outside that folder.

declare(strict_types=1);

namespace Argo;

final class ArchiveError extends \RuntimeException
{
    public function __construct(string $reason)
    {
        parent::__construct("There was an error uncompressing the action archive: $reason.");
    }
}

final class Archive
{
    private const SYMLINK = 0120000;
    private const FILE_TYPE = 0170000;
    private const CHUNK = 1048576;

    private \ZipArchive $zip;

    public function __construct(string $file)
    {
        $this->zip = new \ZipArchive();
        if ($this->zip->open($file, \ZipArchive::RDONLY) !== true) {
            throw new ArchiveError('it is not a zip file');
        }
    }

    public function unpack(string $folder): void
    {
        $root = realpath($folder);
        $this->checkSize();
        $links = [];
        for ($index = 0; $index < $this->zip->numFiles; $index++) {
            $entry = $this->zip->statIndex($index);
            $target = self::target($entry['name'], $root);
            if (($this->mode($index) & self::FILE_TYPE) === self::SYMLINK) {
                $links[] = [$entry['name'], $target];
            } else {
                $this->write($index, $entry, $target);
            }
        }
        foreach ($links as [$name, $target]) { // last: until then no path of the archive can lead through one
            $this->link($name, $target, $root);
        }
        $this->zip->close();
    }

    private function checkSize(): void
    {
        $entries = (int) (getenv('ARGO_MAX_UNPACKED_ENTRIES') ?: 100000);
        $bytes = (int) (getenv('ARGO_MAX_UNPACKED_BYTES') ?: 512 * 1024 * 1024);
        if ($this->zip->numFiles > $entries) {
            throw new ArchiveError("it has {$this->zip->numFiles} entries, more than the $entries allowed");
        }
        $total = 0;
        for ($index = 0; $index < $this->zip->numFiles; $index++) {
            $total += $this->zip->statIndex($index)['size'];
        }
        if ($total > $bytes) {
            throw new ArchiveError("it unpacks to more than the $bytes bytes allowed");
        }
    }

    private static function target(string $name, string $root): string
    {
        if (str_starts_with($name, '/') || strpbrk($name, "\\\0") !== false || in_array('..', explode('/', $name), true)) {
            throw new ArchiveError("the entry '$name' leads outside of it");
        }
        return "$root/$name";
    }

    private function mode(int $index): int
    {
        $known = $this->zip->getExternalAttributesIndex($index, $system, $attributes);
        return $known && $system === \ZipArchive::OPSYS_UNIX ? $attributes >> 16 : 0;
    }

    /** @param array{name: string, size: int} $entry */
    private function write(int $index, array $entry, string $target): void
    {
        $folder = str_ends_with($entry['name'], '/') ? $target : dirname($target);
        if (!is_dir($folder) && !@mkdir($folder, 0755, true)) {
            throw new ArchiveError("the folder of the entry '{$entry['name']}' cannot be made");
        }
        if ($folder === $target) {
            return;
        }
        $packed = $this->zip->getStreamIndex($index);
        if ($packed === false) {
            throw new ArchiveError("the entry '{$entry['name']}' cannot be unpacked ({$this->zip->getStatusString()})");
        }
        $file = fopen($target, 'wb');
        $size = (int) stream_copy_to_stream($packed, $file, $entry['size'] + 1);
        fclose($file);
        if ($size !== $entry['size']) {
            throw new ArchiveError("the entry '{$entry['name']}' has not the size it declares");
        }
        if ($this->mode($index) & 0111) {
            chmod($target, 0755);
        }
    }

    private function link(string $name, string $target, string $root): void
    {
        if (!is_dir(dirname($target))) {
            mkdir(dirname($target), 0755, true);
        }
        if (!str_starts_with(realpath(dirname($target)) . '/', "$root/")) {
            throw new ArchiveError("the entry '$name' leads outside of it");
        }
        symlink((string) $this->zip->getFromName($name), $target);
    }
}
