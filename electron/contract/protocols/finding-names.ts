/** Findings as imports and data sets label them, with their names in both languages. */
const names: Readonly<Record<string, { readonly en: string; readonly ru: string }>> = {
  amd: { en: 'age-related macular degeneration', ru: 'возрастная макулярная дегенерация (ВМД)' },
  'cotton-wool': { en: 'cotton-wool spots', ru: 'ватообразные очаги' },
  crescent: { en: 'peripapillary crescent', ru: 'перипапиллярный серп' },
  'diabetic-retinopathy': { en: 'diabetic retinopathy', ru: 'диабетическая ретинопатия' },
  'dr-grade-0': { en: 'diabetic retinopathy, grade 0', ru: 'диабетическая ретинопатия, степень 0' },
  'dr-grade-1': { en: 'diabetic retinopathy, grade 1', ru: 'диабетическая ретинопатия, степень 1' },
  'dr-grade-2': { en: 'diabetic retinopathy, grade 2', ru: 'диабетическая ретинопатия, степень 2' },
  'dr-grade-3': { en: 'diabetic retinopathy, grade 3', ru: 'диабетическая ретинопатия, степень 3' },
  'dr-grade-4': { en: 'diabetic retinopathy, grade 4', ru: 'диабетическая ретинопатия, степень 4' },
  drusen: { en: 'drusen', ru: 'друзы' },
  exudates: { en: 'exudates', ru: 'экссудаты' },
  flame: { en: 'flame haemorrhages', ru: 'пламевидные кровоизлияния' },
  glaucoma: { en: 'glaucoma', ru: 'глаукома' },
  haemorrhages: { en: 'haemorrhages', ru: 'кровоизлияния' },
  healthy: { en: 'healthy', ru: 'здоровый' },
  laser: { en: 'laser scars', ru: 'следы лазеркоагуляции' },
  'macular-oedema-risk-1': { en: 'macular oedema, risk 1', ru: 'макулярный отёк, риск 1' },
  'macular-oedema-risk-2': { en: 'macular oedema, risk 2', ru: 'макулярный отёк, риск 2' },
  microaneurysms: { en: 'microaneurysms', ru: 'микроаневризмы' },
  neovascular: { en: 'neovascularisation', ru: 'неоваскуляризация' },
  'referable-dr': {
    en: 'referable diabetic retinopathy',
    ru: 'диабетическая ретинопатия, требующая направления',
  },
};

/** The finding in the language; a label that nobody has translated stays as it is. */
export function findingName(label: string, language: 'en' | 'ru'): string {
  return names[label]?.[language] ?? label;
}

/** Labels of findings one of whose names, in either language, has a word that begins like this. */
export function findingsNamed(word: string): string[] {
  const wanted = fold(word);
  return Object.entries(names)
    .filter(([, { en, ru }]) =>
      fold(`${en} ${ru}`)
        .split(/[^\p{L}\p{N}]+/u)
        .some((part) => part.startsWith(wanted)),
    )
    .map(([label]) => label);
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase().replaceAll('ё', 'е');
}
