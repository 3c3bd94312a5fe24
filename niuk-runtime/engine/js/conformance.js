// Where the engine's own methods give other text than V8's.
(function () {
  'use strict';

  const MOST_DIGITS = 1100;

  /** The distance to the next double above, halved. */
  function halfStep(value) {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    view.setBigUint64(0, view.getBigUint64(0) + 1n);
    return Math.max(0.5 * (view.getFloat64(0) - value), 5e-324);
  }

  /** The shortest digits after the point that tell the number from its neighbours; carries into `whole`. */
  function fractionDigits(value, radix, toText) {
    let whole = Math.floor(value);
    let fraction = value - whole;
    let delta = halfStep(value);
    const digits = [];
    while (fraction >= delta && digits.length < MOST_DIGITS) {
      fraction *= radix;
      delta *= radix;
      const next = Math.floor(fraction);
      digits.push(next);
      fraction -= next;
      if ((fraction > 0.5 || (fraction === 0.5 && next % 2 === 1)) && fraction + delta > 1) {
        while (digits.length > 0 && digits.at(-1) === radix - 1) digits.pop();
        if (digits.length > 0) digits[digits.length - 1] += 1;
        else whole += 1;
        break;
      }
    }
    return { whole, digits: digits.map((each) => toText(each)).join('') };
  }

  /** Digits of an integer; the last of a very large one, which a double cannot tell, are zeros. */
  function wholeDigits(value, radix, toText) {
    let rest = value;
    let zeros = '';
    while (rest / radix >= 2 ** 53) {
      rest /= radix;
      zeros += '0';
    }
    let text = '';
    rest = Math.floor(rest);
    do {
      const remainder = rest % radix;
      text = toText(Math.floor(remainder)) + text;
      rest = (rest - remainder) / radix;
    } while (rest > 0);
    return text + zeros;
  }

  function inRadix(original, number, [radix]) {
    const value = Number.prototype.valueOf.call(number);
    const plain = original.call(value, radix);
    if (!Number.isFinite(value) || Number.isSafeInteger(value)) return plain;
    const toText = (each) => original.call(each, 36);
    const { whole, digits } = fractionDigits(Math.abs(value), Math.trunc(radix), toText);
    return `${value < 0 ? '-' : ''}${wholeDigits(whole, Math.trunc(radix), toText)}${digits === '' ? '' : `.${digits}`}`;
  }

  return (original, name, self, args) => {
    if (name === 'radix') return inRadix(original, self, args);
    if (name === 'toISOString' && Number.isNaN(self.getTime())) throw new RangeError('Invalid time value');
    const text = original.apply(self, args);
    if (name.startsWith('toLocale')) return text.replaceAll('\u202f', ' ');
    return text.replace(/\((?:Greenwich Mean Time|GMT|UTC)\)$/, '(Coordinated Universal Time)');
  };
});
