// Opens pages of the running dashboard in a signed-in session and prints, as one JSON line each, what axe-core and the
// browser say of them; with SHOTS set, a picture of each is kept in that folder.
// With NAME and PASSWORD set, a reader's way through the pages is walked without scripts as well.
// usage: node browser.cjs CHROMIUM BASE COOKIE=VALUE PATH...   (axe-core and playwright-core through NODE_PATH)
const { chromium } = require("playwright-core");
const source = require("fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508", "best-practice"];
// A scheme changes colours only, and a width changes none: no question is asked twice, for each takes seconds a page.
const COLOURS = ["color-contrast", "link-in-text-block"];
const ALL = { runOnly: { type: "tag", values: TAGS } };
const SCREENS = [
  ["light", 1280, ALL],
  ["dark", 1280, { runOnly: { type: "rule", values: COLOURS } }],
  ["light", 320, { ...ALL, rules: Object.fromEntries(COLOURS.map((id) => [id, { enabled: false }])) }],
];

// Texts whose own and surrounding colours and type are alike read alike: of each kind the first. For a scheme in which
// nothing has moved since all of them were looked at.
function kinds() {
  const chains = new Map();
  const chain = (part) => {
    if (!part) return "";
    if (!chains.has(part)) {
      const { color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight, textShadow, textDecoration, borderBottom } = getComputedStyle(part);
      const own = [color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight, textShadow, textDecoration, borderBottom];
      chains.set(part, `${part.localName} ${own.join("|")} < ${chain(part.parentElement)}`);
    }
    return chains.get(part);
  };
  const found = new Map();
  for (const part of document.body.querySelectorAll("*")) {
    const says = [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || part.value !== undefined;
    if (says && !found.has(chain(part))) found.set(chain(part), part);
  }
  return [...found.values()];
}

// One page on three screens. A page without scripts of its own is what its width and scheme make of it, so it is loaded
// once; one with scripts is loaded for each screen. What is folded is measured so, and unfolded.
async function look(context, base, path) {
  const page = await context.newPage();
  let requests = [], errors = [], answer, scripted = true;
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
  for (const [scheme, width, rules] of SCREENS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    if (scripted) {
      requests = [];
      errors = [];
      answer = await page.goto(base + path, { waitUntil: "load" });
      scripted = await page.evaluate(() => document.scripts.length > 0);
      await page.evaluate(source);
    }
    const fold = (open) => document.querySelectorAll("details.unfolded").forEach((part) => (part.open = open));
    await page.evaluate(() => document.querySelectorAll("details:not([open])").forEach((part) => part.classList.add("unfolded")));
    const first = await page.evaluate(() => document.documentElement.scrollWidth);
    if (process.env.SHOTS) {
      const file = `${path.replace(/[^a-z0-9]+/gi, "_")}_${scheme}_${width}.png`;
      await page.screenshot({ path: `${process.env.SHOTS}/${file}`, fullPage: true });
    }
    await page.evaluate(fold, true);
    const wide = Math.max(first, await page.evaluate(() => document.documentElement.scrollWidth));
    const said = await page.evaluate(
      ([values, some]) => axe.run(some ? { include: eval(`(${some})`)() } : document, values),
      [rules, scheme === "dark" ? kinds.toString() : ""],
    );
    await page.evaluate(fold, false);
    const violations = said.violations.map((one) => `${one.id}: ${one.nodes.length} times, such as ${one.nodes[0].html}`);
    const passes = said.passes.length;
    console.log(JSON.stringify({ path, scheme, width, status: answer.status(), wide, violations, passes, requests, errors }));
  }
  await page.close();
}

// What the strict policy lets through: the page again, with nothing bypassed, and what it complains of.
async function strictly(context, base, path) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(base + path, { waitUntil: "load" });
  const canvases = await page.evaluate(() => document.querySelectorAll("canvas").length);
  await page.close();
  console.log(JSON.stringify({ path, strict: true, complaints, canvases }));
}

// The head of security's way: sign in by the form, from the overview to a path, to its fix, to what that would come to.
async function journey(browser, base, name, password) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  const page = await context.newPage();
  const told = [];
  const say = async (what) => told.push([what, new URL(page.url()).pathname, await page.locator("h2").first().innerText()]);
  await page.goto(base + "/");
  await page.fill("#name", name);
  await page.fill("#password", password);
  await page.click("main button");
  await say("signed in");
  await page.click("nav >> text=Attack paths");
  await page.locator(".ways h3 a").first().click();
  await say("a path");
  await page.locator("text=What if?").first().click();
  await say("what if");
  const then = await page.locator("main table").first().innerText();
  await page.locator("input[type=checkbox]").nth(1).check();
  await page.locator("main form button").first().click();
  await say("one more");
  const more = await page.locator("main table").first().innerText();
  await page.click("text=Sign out");
  await page.goto(base + "/paths");
  await say("signed out");
  await context.close();
  return { journey: told, then, more };
}

(async () => {
  const [executablePath, base, cookie, ...paths] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const [name, value] = cookie.split("=");
  const signedIn = async (settings) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
    await context.addCookies([{ name, value, url: base, sameSite: "Strict" }]);
    return context;
  };
  const open = await signedIn({ bypassCSP: true }); // axe is our own script here
  const strict = await signedIn({});
  for (const path of paths) {
    await look(open, base, path);
    await strictly(strict, base, path);
  }
  if (process.env.PASSWORD) console.log(JSON.stringify(await journey(browser, base, process.env.NAME, process.env.PASSWORD)));
  await browser.close();
})();
