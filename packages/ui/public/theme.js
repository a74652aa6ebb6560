// Sets the colour scheme before the first paint. A file of its own, because inline scripts are not allowed.
(() => {
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("storewatch.theme") || "auto";
  } catch {
    // Storage may be blocked: the system's choice then.
  }
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
