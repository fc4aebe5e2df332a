/** What the overlay behind "?" lists; texts are `shortcuts.<id>`. */
export const shortcutGroups = [
  {
    id: 'everywhere',
    keys: [
      ['views', 'Alt 1 … 9'],
      ['help', '?'],
      ['tasks', 'J'],
      ['newTrace', 'N'],
      ['close', 'Esc'],
    ],
  },
  {
    id: 'library',
    keys: [
      ['search', '/'],
      ['move', '← → ↑ ↓'],
      ['extend', 'Shift ← → ↑ ↓'],
      ['toggle', 'Space'],
      ['selectAll', 'Ctrl A'],
      ['open', 'Enter'],
      ['describe', 'D'],
      ['decode', 'L'],
      ['ends', 'Home / End'],
      ['undo', 'Ctrl Z'],
    ],
  },
  {
    id: 'trace',
    keys: [
      ['layer', ', / .'],
      ['firstLast', 'Home / End'],
      ['play', 'Space'],
      ['patch', 'Alt ← → ↑ ↓'],
      ['answer', 'A'],
      ['overlay', 'O'],
      ['opacity', '[ / ]'],
      ['invert', 'I'],
      ['redFree', 'G'],
      ['reset', 'R'],
      ['zoom', '+ / −'],
      ['compare', 'C'],
      ['describe', 'D'],
      ['decode', 'L'],
    ],
  },
  {
    id: 'protocol',
    keys: [
      ['fields', '↑ ↓ / Enter'],
      ['choose', '← → / 1 … 9'],
      ['clear', '0 / Backspace'],
      ['normal', 'E'],
      ['groups', '[ / ] / PgUp / PgDn'],
      ['undo', 'Ctrl Z'],
      ['save', 'Ctrl S'],
    ],
  },
  {
    id: 'compare',
    keys: [
      ['blink', 'B'],
      ['swap', 'X'],
      ['patch', 'Alt ← → ↑ ↓'],
      ['answer', 'A'],
    ],
  },
] as const;
