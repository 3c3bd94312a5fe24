// Answers by what it is asked for; `greet` is replaced in the zip by a module of its own.
function main (args) {
  if (args.say) {
    console.log('out ' + args.say)
    console.error('err ' + args.say)
  }
  if (args.fail) throw new Error(args.fail)
  if (args.list) return args.list.concat('node')
  if (args.env) return { value: process.env[args.env] }
  return { greeting: 'Hello ' + (args.name || 'stranger') }
}
