def main(args)
  if args.key?("say")
    puts "out " + args["say"]
    $stderr.puts "err " + args["say"]
  end
  raise args["fail"] if args.key?("fail")
  return args["list"] + ["ruby"] if args.key?("list")
  return { "value" => ENV[args["env"]] } if args.key?("env")
  { "greeting" => "Hello " + (args["name"] || "stranger") }
end
