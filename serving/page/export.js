// What is on the screen as CSV, JSON or a curl line: { text, answer, corrections }, where `answer` is
// that of /analyze and `corrections` maps a sentence's index to the labels a reader gave it.

export const STANCES = ["firm", "conciliatory", "neutral"];
export const SENTIMENTS = ["negative", "neutral", "positive"];
const LONGEST_LINE = 100000; // bytes; what a shell takes as one argument, with room to spare

export function asJson({ answer, corrections }) {
  const sentences = answer.sentences.map((sentence, index) =>
    corrections.has(index) ? { ...sentence, corrected: corrections.get(index) } : sentence);
  return JSON.stringify({ ...answer, sentences }, null, 2);
}

export function asCsv({ answer, corrections }) {
  const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const plain = ["start", "end", "text", "stance", "sentiment", "confident", "tokens", "truncated"];
  const tones = SENTIMENTS.map((s) => `sentiment_${s}`);
  const header = [...plain, ...STANCES, ...tones, "corrected_stance", "corrected_sentiment", "model"];
  const rows = answer.sentences.map((s, index) => {
    const { stance = "", sentiment = "" } = corrections.get(index) ?? {};
    const scores = [...STANCES.map((x) => s.stance_scores[x]), ...SENTIMENTS.map((x) => s.sentiment_scores[x])];
    return [...plain.map((name) => s[name]), ...scores, stance, sentiment, answer.model];
  });
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

export function curlLine({ text }, keyed) {
  const key = keyed ? ` -H "authorization: Bearer $CLAIMSTANCE_KEY"` : ""; // the key itself stays out
  const start = `curl -s ${new URL("analyze", location.href)}${key} -H 'content-type: application/json'`;
  const body = JSON.stringify({ text });
  if (new Blob([body]).size > LONGEST_LINE) {
    return `jq -Rs '{text: .}' article.txt | ${start} --data-binary @-  # too long for one line: save the text as article.txt`;
  }
  return `${start} --data-binary '${body.replaceAll("'", "'\\''")}'`;
}
