// Which of an announcement's texts this reader gets.

/** The first of the reader's languages that there is a text in, also in another region's; else English; else the first. */
export function textFor(texts: Record<string, string>, languages: readonly string[]): { lang: string; text: string } | null {
  const tags = Object.keys(texts);
  const primary = (tag: string): string => tag.toLowerCase().split("-")[0]!;
  const find = (wanted: string): string | undefined =>
    tags.find((t) => t.toLowerCase() === wanted.toLowerCase()) ?? tags.find((t) => t === primary(wanted)) ?? tags.find((t) => primary(t) === primary(wanted));
  const lang = [...languages, "en"].map(find).find((t) => t !== undefined) ?? tags[0];
  return lang === undefined ? null : { lang, text: texts[lang]! };
}
