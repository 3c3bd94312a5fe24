# frozen_string_literal: true

# Runs one action inside a sandbox: POST /init loads it, every POST /run calls it.

require 'json'
require_relative 'http_server'
require_relative 'run_variables'

SELF = self

# RubyGems costs a cold start three times what the rest does: it is loaded when something is required that only it finds.
class Object
  private

  def require(name)
    super
  rescue LoadError
    Object.send(:remove_method, :require)
    Kernel.require('rubygems')
    require(name) # RubyGems' own by now
  end
end
Object.autoload(:Gem, 'rubygems')

# Ends an activation's logs on both streams, whatever the function did to them.
class LogMarker
  SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

  def initialize
    @own = [STDOUT, STDERR].map { |stream| stream.dup.tap { |copy| copy.sync = true } }
    STDOUT.sync = STDERR.sync = true
  end

  def mark
    [$stdout, $stderr].zip(@own).each { |stream, own| mark_one(stream, own) }
  end

  private

  def mark_one(stream, own)
    stream.flush
  rescue IOError, SystemCallError, NoMethodError
    stream.equal?($stdout) ? $stdout = own.dup : $stderr = own.dup
  ensure
    begin
      own.write(SENTINEL)
    rescue SystemCallError
      nil # nobody reads this stream any more: it needs no mark
    end
  end
end

# Loads a Ruby action: source text, or a zip with main.rb (and perhaps a standalone bundle) at its root.
module Action
  InitError = Class.new(StandardError)

  module_function

  def load(code, main, binary:)
    binary ? load_archive(code) : eval(code, TOPLEVEL_BINDING, 'action.rb', 1) # rubocop:disable Security/Eval -- that is the purpose
    SELF.method(main)
  rescue NameError => e
    raise unless e.name.to_s == main && e.receiver.equal?(SELF)

    raise InitError, "Action entrypoint '#{main}' is not a method."
  end

  def load_archive(code)
    require 'tmpdir'
    require_relative 'archive'
    folder = Dir.mktmpdir('action-', ENV.fetch('ARGO_WORK', nil))
    Archive.new(code.unpack1('m0')).unpack(folder)
    Dir.chdir(folder)
    raise InitError, 'Zipped actions must contain main.rb at the root.' unless File.file?('main.rb')

    $LOAD_PATH.unshift(folder, *Dir.glob("#{folder}/vendor/bundle/ruby/*/gems/*/lib"))
    bundle = File.join(folder, 'bundle/bundler/setup.rb')
    require bundle if File.file?(bundle)
    require File.join(folder, 'main.rb')
  rescue Archive::Error, ArgumentError => e
    raise InitError, "There was an error uncompressing the action archive: #{e.message}."
  end
end

# State of one action: ready → initialised | failed; answers /init and /run.
class Launcher
  NOT_A_DICTIONARY = 'The action did not return a dictionary or array.'

  def initialize
    @state = 'ready'
    @marker = LogMarker.new
    @variables = RunVariables.new
  end

  def route(path, body)
    return failure(404, 'The requested resource could not be found.') unless %w[/init /run].include?(path)

    message = JSON.parse(body.force_encoding(Encoding::UTF_8))
    raise JSON::ParserError, 'a JSON object is expected' unless message.is_a?(Hash)

    path == '/run' ? run(message) : init(message['value'])
  rescue JSON::ParserError, EncodingError => e
    failure(400, "The request content was malformed: #{e.message.scrub}")
  end

  private

  def init(value)
    return failure(403, 'Cannot initialize the action more than once.') unless @state == 'ready'
    return failure(403, 'Missing main/no code to execute.') unless init?(value)

    @state = 'starting'
    (value['env'] || {}).each { |name, text| ENV[name] = text.is_a?(String) ? text : text.to_json }
    load_action(value)
  end

  def load_action(value)
    @handler = Action.load(value['code'], value['main'] || 'main', binary: value['binary'] == true)
    @state = 'initialised'
    [200, '{"ok":true}']
  rescue StandardError, ScriptError, SystemStackError => e
    @state = 'failed'
    show(e)
    @marker.mark
    reason = e.is_a?(Action::InitError) ? e.message : "#{e.class}: #{e.message}"
    failure(502, "Initialization has failed due to: #{reason.scrub}")
  end

  def init?(value)
    value.is_a?(Hash) && value['code'].is_a?(String) && !value['code'].empty? && (value['main'] || '').is_a?(String)
  end

  def run(message)
    return failure(403, "System not ready, status is #{@state}.") unless @state == 'initialised'

    @variables.publish(message)
    begin
      call(message.fetch('value', {}))
    ensure
      @marker.mark
    end
  end

  # An exception is an answer of the function, as in OpenWhisk's Ruby runtime: {"error": text}, status 200.
  def call(args)
    answer(@handler.call(args))
  rescue StandardError, ScriptError, SystemStackError, NoMemoryError => e
    show(e)
    failure(200, e.message.to_s.scrub)
  end

  def answer(result)
    unless result.is_a?(Hash) || result.is_a?(Array)
      warn "Result must be a hash or an array but has type '#{result.class}'"
      return failure(502, NOT_A_DICTIONARY)
    end
    [200, JSON.generate(result)]
  rescue JSON::GeneratorError, JSON::NestingError, EncodingError => e
    show(e)
    failure(502, "#{NOT_A_DICTIONARY} #{e.message.scrub}")
  end

  def failure(status, text)
    [status, JSON.generate({ 'error' => text })]
  end

  def show(error)
    $stderr.puts(error.full_message(highlight: false))
  rescue StandardError
    STDERR.puts('an exception that cannot be shown')
  end
end

launcher = Launcher.new
server = HttpServer.listen(ENV.fetch('ARGO_LISTEN', 'tcp:0.0.0.0:8080'))
handle = ->(path, body) { launcher.route(path, body) }
Integer(ENV.fetch('ARGO_CONCURRENCY', 1)) > 1 ? HttpServer.serve_threaded(server, &handle) : HttpServer.serve(server, &handle)
