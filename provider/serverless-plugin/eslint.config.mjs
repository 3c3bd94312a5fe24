// Rules by name, because ./dev check runs the dashboard's eslint on these files: nothing of it can be imported here.
const problems = [
  'array-callback-return', 'consistent-return', 'constructor-super', 'for-direction', 'getter-return', 'no-async-promise-executor',
  'no-class-assign', 'no-compare-neg-zero', 'no-cond-assign', 'no-const-assign', 'no-constant-condition', 'no-control-regex',
  'no-debugger', 'no-dupe-args', 'no-dupe-class-members', 'no-dupe-else-if', 'no-dupe-keys', 'no-duplicate-case', 'no-empty',
  'no-empty-pattern', 'no-ex-assign', 'no-fallthrough', 'no-func-assign', 'no-import-assign', 'no-inner-declarations',
  'no-invalid-regexp', 'no-irregular-whitespace', 'no-loss-of-precision', 'no-misleading-character-class', 'no-new-native-nonconstructor',
  'no-obj-calls', 'no-promise-executor-return', 'no-prototype-builtins', 'no-redeclare', 'no-self-assign', 'no-self-compare',
  'no-setter-return', 'no-shadow-restricted-names', 'no-sparse-arrays', 'no-template-curly-in-string', 'no-this-before-super',
  'no-undef', 'no-unmodified-loop-condition', 'no-unreachable', 'no-unsafe-finally', 'no-unsafe-negation',
  'no-unsafe-optional-chaining', 'no-unused-labels', 'no-unused-vars', 'no-use-before-define', 'no-useless-catch', 'no-useless-escape',
  'no-var', 'no-with', 'prefer-const', 'prefer-template', 'require-yield', 'strict', 'use-isnan', 'valid-typeof', 'no-eval', 'eqeqeq',
  'no-implied-eval', 'no-console'
]
const node = ['require', 'module', 'process', 'Buffer', 'URL', 'URLSearchParams', 'AbortController', 'setTimeout', 'clearTimeout']

export default [
  {
    files: ['**/*.js'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: {
      ecmaVersion: 2022, sourceType: 'commonjs', globals: Object.fromEntries(node.map((name) => [name, 'readonly']))
    },
    rules: {
      ...Object.fromEntries(problems.map((name) => [name, 'error'])),
      'no-use-before-define': ['error', { functions: false }],
      strict: ['error', 'global'],
      complexity: ['error', 10],
      'max-len': ['error', 120],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 40]
    }
  },
  { files: ['test/**'], rules: { 'max-lines-per-function': 'off', 'consistent-return': 'off' } }
]
