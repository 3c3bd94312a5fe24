# frozen_string_literal: true

require 'fileutils'
require 'zlib'

# Unpacks a zip into an empty folder: bounded in entries and bytes, and never outside that folder.
class Archive
  MAX_BYTES = Integer(ENV.fetch('ARGO_MAX_UNPACKED_BYTES', 512 * 1024 * 1024))
  MAX_ENTRIES = Integer(ENV.fetch('ARGO_MAX_UNPACKED_ENTRIES', 100_000))
  END_RECORD = "PK\x05\x06".b
  CENTRAL_ENTRY = "PK\x01\x02".b
  LOCAL_ENTRY = "PK\x03\x04".b
  MADE_ON_UNIX = 3
  SYMLINK = 0o120000
  FILE_TYPE = 0o170000

  Error = Class.new(StandardError)
  Entry = Struct.new(:name, :encrypted, :method, :packed, :size, :mode, :local, :next)

  def initialize(data)
    @data = data
  end

  def unpack(folder)
    root = File.realpath(folder)
    links = entries.reject { |entry| unpacked?(entry, root) }
    links.each { |entry| link(entry, root) } # last: until then no path of the archive can lead through one
  end

  private

  def entries
    at = @data.rindex(END_RECORD) or raise Error, 'it is not a zip file'
    count, offset = @data.byteslice(at + 10, 10)&.unpack('vx4V')
    raise Error, 'it is not a zip file' if offset.nil?
    raise Error, "it has #{count} entries, more than the #{MAX_ENTRIES} allowed" if count > MAX_ENTRIES

    found = Array.new(count) { read_entry(offset).tap { |entry| offset = entry.next } }
    raise Error, "it unpacks to more than the #{MAX_BYTES} bytes allowed" if found.sum(&:size) > MAX_BYTES

    found
  end

  def read_entry(at)
    head = @data.byteslice(at, 46)
    raise Error, 'its directory is damaged' unless head&.bytesize == 46 && head.start_with?(CENTRAL_ENTRY)

    made_on, flags, method, packed, size, name_length, extra, comment, attributes, local =
      head.unpack('x5Cx2vvx8VVvvvx4Vx0V')
    name = @data.byteslice(at + 46, name_length).force_encoding(Encoding::UTF_8)
    Entry.new(name, flags & 1 == 1, method, packed, size, made_on == MADE_ON_UNIX ? attributes >> 16 : 0, local,
              at + 46 + name_length + extra + comment)
  end

  def target(entry, root)
    name = entry.name
    if !name.valid_encoding? || name.start_with?('/') || name.match?(/[\\\0]/) || name.split('/').include?('..')
      raise Error, "the entry '#{name.scrub}' leads outside of it"
    end

    File.join(root, name)
  end

  # Writes a file or folder; false for a symbolic link, which is left for later.
  def unpacked?(entry, root)
    path = target(entry, root)
    if entry.name.end_with?('/')
      FileUtils.mkdir_p(path)
      return true
    end
    return false if entry.mode & FILE_TYPE == SYMLINK

    FileUtils.mkdir_p(File.dirname(path))
    File.binwrite(path, content(entry))
    File.chmod(0o755, path) if entry.mode & 0o111 != 0
    true
  end

  def link(entry, root)
    path = target(entry, root)
    FileUtils.mkdir_p(File.dirname(path))
    parent = File.realpath(File.dirname(path))
    raise Error, "the entry '#{entry.name}' leads outside of it" unless "#{parent}/".start_with?("#{root}/")

    File.symlink(content(entry), path)
  end

  def content(entry)
    raise Error, "the entry '#{entry.name}' is encrypted" if entry.encrypted

    head = @data.byteslice(entry.local, 30)
    raise Error, 'an entry is damaged' unless head&.bytesize == 30 && head.start_with?(LOCAL_ENTRY)

    name_length, extra = head.byteslice(26, 4).unpack('vv')
    packed = @data.byteslice(entry.local + 30 + name_length + extra, entry.packed) || ''
    plain = entry.method.zero? ? packed : inflate(packed, entry)
    raise Error, "the entry '#{entry.name}' has not the size it declares" unless plain.bytesize == entry.size

    plain
  end

  def inflate(packed, entry)
    raise Error, "the entry '#{entry.name}' is packed in an unknown way" unless entry.method == 8

    inflater = Zlib::Inflate.new(-Zlib::MAX_WBITS)
    plain = String.new(encoding: Encoding::BINARY)
    inflater.inflate(packed) do |chunk|
      plain << chunk
      raise Error, "the entry '#{entry.name}' has not the size it declares" if plain.bytesize > entry.size
    end
    plain
  rescue Zlib::Error => e
    raise Error, "the entry '#{entry.name}' cannot be unpacked (#{e.message})"
  ensure
    inflater&.close
  end
end
