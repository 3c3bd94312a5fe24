# frozen_string_literal: true

# What a run tells of itself in the environment, which processes that it starts inherit.
#
# setenv(3) keeps every value that it was ever given. From PLAIN_RUNS on, therefore, the values lie in memory of our own
# that is written over. Not before: to load Fiddle takes 4 ms, which no cold start should wait for.
class RunVariables
  PLAIN_RUNS = 1000 # they leave a quarter of a megabyte
  FIELDS = %w[namespace action_name action_version activation_id transaction_id deadline api_key]
           .to_h { |field| [field, "__OW_#{field.upcase}"] }.freeze

  def initialize
    @runs = 0
    @environment = ENV
  end

  # `message`: a /run's, parsed. A field that it lacks keeps the value of the run before.
  def publish(message)
    runs = @runs += 1
    @environment = own_memory if runs == PLAIN_RUNS
    FIELDS.each { |field, name| @environment[name] = message[field].to_s if message.key?(field) }
  end

  private

  # The plain way where Ruby was built without Fiddle, or a function has put something else in its place.
  def own_memory
    OwnMemory.new
  rescue StandardError, ScriptError
    ENV
  end

  # Two places a variable, used in turn: what a reader without the interpreter's lock still copies is not written to.
  # No place is ever freed, for C's environment points to it; one that is too small is left for one of twice the size.
  class OwnMemory
    LEAST_BYTES = 128

    def initialize
      require 'fiddle'
      putenv = Fiddle::Handle::DEFAULT['putenv']
      @putenv = Fiddle::Function.new(putenv, [Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT, need_gvl: true)
      @places = FIELDS.values.to_h { |name| [name, Array.new(2) { Fiddle::Pointer.malloc(LEAST_BYTES) }] }
    end

    def []=(name, text)
      return if ENV[name] == text # as most are, and cheaper to see than to write
      raise ArgumentError, 'bad environment variable value: contains null byte' if text.include?("\0")

      entry = "#{name}=#{text}\0"
      place = @places.fetch(name).reverse!.first
      place = @places[name][0] = Fiddle::Pointer.malloc(2 * entry.bytesize) if entry.bytesize > place.size
      place[0, entry.bytesize] = entry
      raise NoMemoryError unless @putenv.call(place).zero?
    end
  end
end
