/** The mails' words. Text and HTML come from one source: a list of paragraphs and at most one button. */

export interface Message {
  subject: string;
  paragraphs: string[];
  action?: { label: string; url: string };
  /** What stands in small print below. */
  closing: string;
}

export function verifyEmailMessage(productName: string, username: string, url: string, hours: number): Message {
  return {
    subject: `Verify your address for ${productName}`,
    paragraphs: [
      `Somebody, probably you, registered this address with ${productName}, under the username ${username}.`,
      `If that is you, follow the link to show that the address is yours. It works once, for ${hours} ${hours === 1 ? "hour" : "hours"}.`,
    ],
    action: { label: "Verify my address", url },
    closing:
      "If the username is not the one that you chose, leave this mail alone: without the link nobody can log in with your address.",
  };
}

export function accountExistsMessage(productName: string): Message {
  return {
    subject: `You already have an account with ${productName}`,
    paragraphs: [
      `Somebody, probably you, tried to register this address with ${productName}, which already has an account with it.`,
      "Nothing has changed. Log in with the password that you chose then.",
    ],
    closing: "If it was not you, there is nothing to do: nobody was told that this address has an account.",
  };
}

export function resetPasswordMessage(productName: string, username: string, url: string, minutes: number): Message {
  return {
    subject: `Choose a new password for ${productName}`,
    paragraphs: [
      `Somebody, probably you, asked to reset the password of your account with ${productName}, whose username is ${username}.`,
      `Follow the link to choose a new one. It works once, for ${minutes} minutes, and logs every device out.`,
    ],
    action: { label: "Choose a new password", url },
    closing: "If it was not you, leave this mail alone: nothing has changed.",
  };
}

export function passwordChangedMessage(productName: string): Message {
  return {
    subject: `Your password for ${productName} was changed`,
    paragraphs: [
      `The password of your account with ${productName} was changed just now. Every other device has been logged out.`,
    ],
    closing: "If it was not you, somebody else knows your password: tell whoever runs the service at once.",
  };
}

/** The plain text of a message. */
export function renderText(message: Message): string {
  const action = message.action === undefined ? [] : [`${message.action.label}:\n${message.action.url}`];
  return `${[...message.paragraphs, ...action, message.closing].join("\n\n")}\n`;
}

/** The HTML of a message: one column, no image, nothing loaded from anywhere. */
export function renderHtml(message: Message, productName: string): string {
  const paragraphs = message.paragraphs.map((text) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`).join("");
  const action =
    message.action === undefined
      ? ""
      : `<p style="margin:24px 0"><a href="${escapeHtml(message.action.url)}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#2f4784;color:#ffffff;text-decoration:none;font-weight:600">${escapeHtml(message.action.label)}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#5a5d66">If the button does not work, paste this into your browser:<br><span style="word-break:break-all">${escapeHtml(message.action.url)}</span></p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(message.subject)}</title></head>
<body style="margin:0;padding:24px;background:#f4f2ee;color:#1d1f24;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:520px;margin:0 auto;padding:32px;border-radius:12px;background:#ffffff">
<p style="margin:0 0 24px;font-weight:700">${escapeHtml(productName)}</p>
${paragraphs}${action}
<p style="margin:24px 0 0;font-size:13px;color:#5a5d66">${escapeHtml(message.closing)}</p>
</div></body></html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
