/** Keys for what is done in the middle of a sentence. Space is the talk button's own. */

const TYPING = 'input, textarea, select, [contenteditable]';

/** @param buttons key (`KeyboardEvent.code`) -> the button that it presses */
export function listenForShortcuts(buttons) {
  addEventListener('keydown', (event) => {
    const button = buttons[event.code];
    if (!button || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest(TYPING)) return;
    if (button.disabled) return;
    event.preventDefault();
    button.click();
  });
}
