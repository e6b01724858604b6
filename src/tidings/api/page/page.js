// Shows a document of this server and makes the calls that a person tries. Secrets live in this page's memory alone:
// never in an address, a cookie or a store of the browser.
"use strict";

const form = document.getElementById("who");
const said = document.getElementById("said");
const base = location.pathname.replace(/docs-ui\/?$/, "");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  said.textContent = "";
  show().catch((error) => {
    said.textContent = error.message;
  });
});

async function show() {
  const given = Object.fromEntries(new FormData(form));
  const ofInstance = given.what === "instance";
  if (ofInstance && !given.element.trim()) {
    throw new Error("Write the token of an instance, or choose the whole API.");
  }
  const parts = { User: given.user, Organization: given.organization, Element: given.element };
  const authorization = Object.entries(parts)
    .filter(([, secret]) => secret.trim())
    .map(([name, secret]) => `${name} ${secret.trim()}`)
    .join(", ");
  const headers = { Authorization: authorization };
  const answer = await fetch(base + (ofInstance ? "instances/docs" : "openapi.json"), { headers });
  const spec = await answer.json();
  if (!answer.ok) {
    throw new Error(spec.message);
  }
  said.textContent = answer.headers.get("Elements-Error") || "";
  SwaggerUIBundle({
    spec: here(spec),
    dom_id: "#document",
    presets: [SwaggerUIBundle.presets.apis],
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      request.headers.Authorization = authorization;
      return request;
    },
  });
}

// As this page was reached, so is the API; who calls has been said above.
function here(spec) {
  if (spec.swagger) {
    spec.host = location.host;
    spec.schemes = [location.protocol.slice(0, -1)];
    spec.basePath = base.slice(0, -1);
    delete spec.securityDefinitions;
  } else {
    spec.servers = [{ url: location.origin + base.replace(/\/elements\/api-v2\/$/, "") }];
    delete spec.components.securitySchemes;
    for (const methods of Object.values(spec.paths)) {
      for (const operation of Object.values(methods)) {
        delete operation.security;
      }
    }
  }
  delete spec.security;
  return spec;
}
