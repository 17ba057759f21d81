/** One line that names a setting, its value and what the value must be. */
export const settingProblem = (setting: string, value: string, must: string): string =>
  `${setting}=${JSON.stringify(withoutCredentials(value))}: must be ${must}`;

/** The text may be no URL at all, so everything that could be a credential is removed. */
export const withoutCredentials = (text: string): string => text.replace(/^([\w+.-]*:\/\/)?.*@/s, '$1…@').slice(0, 200);
