"""What the end user reads when something failed at a provider. No provider's name, no jargon."""

from worker.providers.failure import Failure, Kind

KINDS = {
    Kind.INVALID_REQUEST: "The model could not be made from this request. Change it and try again.",
    Kind.MODERATED: (
        "The request was declined by the content policy. Change the text or the images and try"
        " again."
    ),
    Kind.NOT_FOUND: "What this step builds on is not there any more. Start again from the prompt.",
    Kind.UNAUTHORISED: "Models can't be made just now. The operator has been told.",
    Kind.OUT_OF_CREDIT: "Models can't be made just now. The operator has been told.",
    Kind.RATE_LIMITED: "There is much to do just now. Your model is made when it is its turn.",
    Kind.NO_SLOT: "There is much to do just now. Your model is made when it is its turn.",
    Kind.UNAVAILABLE: "The model's maker can't be reached just now. It is tried again.",
    Kind.TASK_FAILED_RETRYABLE: "Making the model failed for a technical reason. Please try again.",
    Kind.TASK_FAILED: "The model could not be made. Change the request a little and try again.",
    Kind.TASK_EXPIRED: "Making the model took too long and was given up. Please try again.",
    Kind.SUBMISSION_UNKNOWN: (
        "It could not be found out whether the model was begun, so it was given up. Please try"
        " again."
    ),
}

# Where the provider's code says more than the kind does: by the code's last part.
CODES = {
    "not_riggable": "This model can't be rigged: no body with limbs was recognised in it.",
    "image_too_complex": "The image is too complex. Send one that shows a single, clear object.",
    "model_missing_uv": "The model has no texture coordinates, so it can't be textured.",
    "model_insufficient_uv": "The model's texture coordinates don't suffice to texture it.",
    "damaged_model": "The model came damaged and was not stored. Please try again.",
    "format_conversion_failed": "The model could not be converted into one of the file formats.",
    "2003": "One of the files is empty. Send another one.",
    "2004": "One of the files is of a kind that can't be used. Send PNG or JPEG images.",
    "2021": "One of the files is too big. Send a smaller one.",
    "2022": "One of the files is too big. Send a smaller one.",
}

OUR_OWN = "image"
"""What we say about an input image names it, and is written for its user."""


def explain(failure: Failure) -> str:
    if failure.code == OUR_OWN:
        return failure.detail
    code = failure.code.rpartition("/")[2]
    if failure.kind in (Kind.INVALID_REQUEST, Kind.TASK_FAILED) and code in CODES:
        return CODES[code]
    return KINDS[failure.kind]
