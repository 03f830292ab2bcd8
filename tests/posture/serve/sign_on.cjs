// Signs in by way of the identity provider in a real browser, lets half of the session pass, sends a form, and prints as
// JSON where the browser was after each step and what the page said.
// usage: node sign_on.cjs CHROMIUM BASE PROVIDER PASSWORD   (playwright-core through NODE_PATH)
const { chromium } = require("playwright-core");

(async () => {
  const [executablePath, base, provider, password] = process.argv.slice(2);
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath, args });
  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  const told = [];
  const say = async () => told.push([page.url().replace(base, ""), await page.locator("body").innerText()]);
  await page.goto(base + "/sign-in");
  await page.click("text=Sign in at");
  await page.waitForURL(base + "/");
  await say();
  await page.goto(base + "/accounts");
  await fetch(provider + "/later");
  await page.fill("#name", "second");
  await page.fill("#password", password);
  await page.click("text=Make the account");
  await page.waitForSelector("th:has-text('second')");
  await say();
  await browser.close();
  console.log(JSON.stringify(told));
})();
