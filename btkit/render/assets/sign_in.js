// The form to sign in: the token is sent once, and no script ever sees what stands for it.
(() => {
  const [form, token, refused] = ["sign-in", "token", "refused"].map((id) =>
    document.getElementById(id));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    refused.hidden = true;
    try {
      const answer = await fetch("/session", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token: token.value }),
      });
      if (answer.ok) {
        location.replace("/");
        return;
      }
      const said = await answer.json();
      refused.textContent = `${said.detail} ${said.hint}`;
    } catch {
      refused.textContent = "The server does not answer.";
    }
    refused.hidden = false;
    token.select();
  });
})();
