'use strict'

exports.hello = args => {
  console.log('hello was called')
  return { greeting: `Hello ${args.name || 'stranger'}`, from: args.from, method: args.__ow_method }
}

exports.user = args => ({ body: { path: args.__ow_path, id: args.id } })

exports.shout = args => ({ greeting: String(args.greeting).toUpperCase() })

exports.tick = args => {
  console.log('tick')
  return { ticked: true }
}
