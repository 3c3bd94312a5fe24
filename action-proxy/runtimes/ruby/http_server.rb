# frozen_string_literal: true

require 'socket'

# The least of HTTP/1.1 that /init and /run need: keep-alive, Content-Length, one request at a time on a connection.
module HttpServer
  MAX_HEAD_BYTES = 64 * 1024
  MAX_BODY_BYTES = Integer(ENV.fetch('ARGO_MAX_BODY_BYTES', 128 * 1024 * 1024))
  CHUNK = 256 * 1024
  BACKLOG = 512
  END_OF_HEAD = "\r\n\r\n"
  LENGTH = /\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|\z)/in
  CLOSE = /\r\nconnection:[ \t]*close/in
  REASONS = {
    200 => 'OK', 400 => 'Bad Request', 403 => 'Forbidden', 404 => 'Not Found', 405 => 'Method Not Allowed',
    411 => 'Length Required', 413 => 'Payload Too Large', 431 => 'Request Header Fields Too Large', 502 => 'Bad Gateway'
  }.freeze

  Refused = Class.new(StandardError)

  # Bytes in, whole requests out.
  class Connection
    attr_reader :peer

    def initialize(peer)
      @peer = peer
      @data = String.new(encoding: Encoding::BINARY)
      @reserved = false
    end

    # Receives once and answers what is whole; false when the connection is over.
    def step(&route)
      @data << @peer.readpartial(CHUNK)
      answer_all(&route)
    rescue EOFError, SystemCallError
      false
    rescue Refused => e
      status = Integer(e.message)
      reply(status, %({"error":"#{REASONS[status]}"}), close: true)
      false
    end

    private

    def answer_all
      while (request = next_request)
        path, body, close = request
        status, answer = yield(path, body)
        reply(status, answer, close: close)
        return false if close
      end
      true
    end

    # [path, body, close], or nil until one has arrived.
    def next_request
      head_end = @data.index(END_OF_HEAD)
      if head_end.nil?
        raise Refused, 431 if @data.bytesize > MAX_HEAD_BYTES

        return nil
      end
      head = @data.byteslice(0, head_end)
      needed = head_end + 4 + body_length(head)
      return reserve(needed) if @data.bytesize < needed

      body = @data.byteslice(head_end + 4, needed - head_end - 4)
      @data = @data.byteslice(needed, @data.bytesize - needed)
      @reserved = false
      [head.split(' ', 3)[1], body, CLOSE.match?(head)]
    end

    # A string that doubles as it grows might not fit the sandbox.
    def reserve(needed)
      @data = String.new(capacity: needed + CHUNK, encoding: Encoding::BINARY) << @data unless @reserved
      @reserved = true
      nil
    end

    def body_length(head)
      raise Refused, 405 unless head.start_with?('POST ')

      length = LENGTH.match(head)
      raise Refused, 411 if length.nil?
      raise Refused, 413 if length[1].to_i > MAX_BODY_BYTES

      length[1].to_i
    end

    def reply(status, body, close:)
      head = "HTTP/1.1 #{status} #{REASONS[status]}\r\nContent-Type: application/json\r\n" \
             "Content-Length: #{body.bytesize}\r\n#{close ? "Connection: close\r\n" : ''}\r\n"
      @peer.write(head.b << body.b)
      @peer.flush
    end
  end

  module_function

  # "unix:PATH" or "tcp:HOST:PORT".
  def listen(address)
    scheme, rest = address.split(':', 2)
    case scheme
    when 'unix'
      File.unlink(rest) if File.exist?(rest)
      before = File.umask(0o111) # the agent may be another user; the folder guards the socket
      server = UNIXServer.new(rest)
      File.umask(before)
    when 'tcp'
      host, _, port = rest.rpartition(':')
      server = TCPServer.new(host, Integer(port))
    else
      raise ArgumentError, "ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not #{address}"
    end
    server.listen(BACKLOG)
    server
  end

  # Requests one by one in the main thread, as an action expects.
  def serve(server, &route)
    connections = {}
    loop do
      ready, = IO.select([server, *connections.keys])
      ready.each do |io|
        if io == server
          peer = accept(server)
          connections[peer] = Connection.new(peer)
        elsif !connections[io].step(&route)
          connections.delete(io)
          io.close
        end
      end
    end
  end

  # A thread for each connection, for actions that allow overlapping runs.
  def serve_threaded(server, &route)
    loop do
      Thread.new(Connection.new(accept(server))) do |connection|
        nil while connection.step(&route)
        connection.peer.close
      rescue SystemExit => e
        exit!(e.status) # in a thread, exit would end only the thread
      end
    end
  end

  def accept(server)
    peer = server.accept
    peer.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) if peer.is_a?(TCPSocket)
    peer
  end
end
