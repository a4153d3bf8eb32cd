"""What is said in the prompts of Debian's package `asterisk-core-sounds-en-wav`: a voice actress
(Allison Smith), 8 kHz, CC-BY-SA 3.0. Human speech that one command installs."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
"""Where the package puts them, as `NAME.wav`."""

PROMPTS = {
    "agent-alreadyon": "That agent is already logged on. "
    "Please enter your agent number followed by the pound key.",
    "agent-incorrect": "Login incorrect. Please enter your agent number followed by the pound key.",
    "agent-newlocation": "Please enter a new extension followed by pound.",
    "agent-pass": "Please enter your password followed by the pound key.",
    "agent-user": "Agent login. Please enter your agent number followed by the pound key.",
    "at-tone-time-exactly": "At the sound of the tone, the time will be exactly.",
    "auth-incorrect": "Password incorrect. Please enter your password followed by the pound key.",
    "cannot-complete-as-dialed": "Your call cannot be completed as dialed.",
    "check-number-dial-again": "Please check the number and dial again.",
    "conf-getchannel": "Please enter the channel number followed by the pound key.",
    "conf-getconfno": "Please enter your conference number followed by the pound key.",
    "conf-getpin": "Please enter the conference pin number.",
    "conf-invalid": "That is not a valid conference number. Please try again.",
    "conf-invalidpin": "That pin is invalid for this conference.",
    "conf-kicked": "You have been kicked from this conference.",
    "conf-leaderhasleft": "The leader has left the conference.",
    "conf-noempty": "No empty conferences currently exist.",
    "conf-now-recording": "The conference is now being recorded.",
    "conf-onlyone": "There is currently one other participant in the conference.",
    "conf-onlyperson": "You are currently the only person in this conference.",
    "conf-placeintoconf": "You will now be placed into the conference.",
    "conf-roll-callcomplete": "Playback of the list of people attending is complete.",
    "conf-waitforleader": "The conference will begin when the leader arrives.",
    "confbridge-begin-glorious-a": "The conference will begin when our glorious leader arrives.",
    "confbridge-dec-list-vol-in": "To decrease the audio volume from other participants.",
    "confbridge-dec-talk-vol-in": "To decrease your speaking volume to other participants.",
    "confbridge-invalid": "You have entered an invalid option.",
    "confbridge-lock-extended": "To lock or unlock the conference. When a conference is locked, "
    "only conference administrators can join.",
    "confbridge-lock-no-join": "The conference is currently locked and cannot be joined.",
    "confbridge-only-participant": "You are currently the only participant in the conference.",
    "confbridge-pin-bad": "You have entered too many invalid personal identification numbers.",
    "confbridge-pin": "Please enter your personal identification number "
    "followed by the pound or hash key.",
    "confbridge-remove-last-in": "To remove the participant who most recently joined "
    "the conference.",
    "confbridge-removed": "You have been removed from the conference.",
    "confbridge-rest-list-vol-in": "To reset the audio volume of the conference "
    "to the default level.",
    "confbridge-rest-talk-vol-in": "To reset your speaking volume to the default level.",
    "demo-echodone": "The echo test has been completed.",
    "demo-enterkeywords": "Please enter one or more keywords separated by star "
    "and then press the pound key.",
    "demo-nomatch": "I'm sorry, there are no matches for those keywords.",
    "dir-instr": "If this is the person you're looking for, press one now. "
    "Otherwise, please press star now.",
    "dir-nomatch": "No directory entries match your search.",
    "dir-nomore": "There are no more compatible entries in the directory.",
    "enter-num-blacklist": "Please enter the number to be blacklisted.",
    "entr-num-rmv-blklist": "Please enter the number to be removed from the blacklist.",
    "feature-not-avail-line": "That feature is not available on this line.",
    "info-about-last-call": "Information about your last call.",
    "invalid": "I'm sorry, that's not a valid extension. Please try again.",
    "pbx-invalid": "I am sorry, that's not a valid extension. Please try again.",
    "pbx-invalidpark": "I am sorry, there is no call parked on that extension. Please try again.",
    "please-try-call-later": "Please try your call again later.",
    "pls-hold-while-try": "Please hold while we try to connect you.",
    "pm-invalid-option": "That option is invalid. Please try again.",
    "priv-callpending": "I have a caller waiting who introduces themselves as.",
    "priv-introsaved": "Thank you. Please hold while I attempt to connect you with your party.",
    "priv-recordintro": "At the tone, please say your name.",
    "privacy-incorrect": "I'm sorry, that number is not valid.",
    "privacy-prompt": "Please enter your phone number starting with the area code.",
    "privacy-unident": "The party you are trying to reach does not accept unidentified calls.",
    "queue-holdtime": "The estimated hold time is currently.",
    "queue-periodic-announce": "All of our representatives are currently busy. Please stay on the "
    "line and your call will be answered by the next available representative.",
    "queue-quantity2": "Callers waiting to speak with a representative.",
    "queue-thankyou": "Thank you for your patience.",
    "queue-youarenext": "Your call is now first in line and will be answered "
    "by the next available representative.",
    "simul-call-limit-reached": "Simultaneous call limit reached.",
    "speed-dial-empty": "The speed dial entry you've accessed is empty.",
    "ss-noservice": "The number you have dialed is not in service. "
    "Please check the number and try again.",
    "transfer": "Please hold while I try that extension.",
    "tt-allbusy": "All representatives of the household are currently assisting other "
    "telemarketers. Please hold and your call will be answered in the order it was received.",
    "tt-monkeysintro": "They have been carried away by monkeys.",
    "tt-weasels": "Weasels have eaten our phone system.",
    "vm-advopts": "Press three for advanced options.",
    "vm-calldiffnum": "Press two to enter a different number.",
    "vm-delete": "Press seven to delete this message.",
    "vm-dialout": "Please wait while I connect your call.",
    "vm-enter-num-to-call": "Please enter the number you wish to call.",
    "vm-forward": "Press one to enter an extension. Press two to use the directory.",
    "vm-goodbye": "Goodbye.",
    "vm-incorrect-mailbox": "Login incorrect. Mailbox number?",
    "vm-invalid-password": "That password does not meet the minimum requirements "
    "for this mailbox. Please try again.",
    "vm-invalidpassword": "That is not a valid password. Please try again.",
    "vm-mismatch": "The passwords you entered and re-entered did not match. Please try again.",
    "vm-msgforwarded": "Your message has been successfully forwarded.",
    "vm-msgsaved": "Your message has been saved.",
    "vm-newpassword": "Please enter your new password followed by the pound key.",
    "vm-next": "Press six to play the next message.",
    "vm-nobodyavail": "Nobody is available to take your call at the moment.",
    "vm-nobox": "You cannot reply to this message because the sender does not have a mailbox.",
    "vm-opts": "Press two to change folders. Press three for advanced options. "
    "Press zero for mailbox options.",
    "vm-rec-busy": "After the tone, say your busy message and then press the pound key.",
    "vm-rec-name": "After the tone, say your name and then press the pound key.",
    "vm-repeat": "Press five to repeat the current message.",
    "vm-review": "Press one to accept this recording. Press two to listen to it. "
    "Press three to re-record your message.",
    "vm-sorry": "I'm sorry, I did not understand your response.",
    "vm-tempgreeting2": "Press one to record your temporary greeting "
    "or press two to erase your temporary greeting.",
    "vm-tmpexists": "There is a temporary greeting which overrides your standard greetings.",
    "vm-toforward": "Press eight to forward the message to another user.",
    "vm-tohearenv": "Press three to hear the message envelope.",
    "vm-undelete": "Press seven to undelete this message.",
    "vm-whichbox": "To leave a message, please enter a mailbox number.",
}
"""Name -> what is said, numbers in words."""
