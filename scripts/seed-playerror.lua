cause = session:getVariable("originate_disposition")
if (cause == "USER_BUSY") then
session:streamFile("ivr/ivr-user_busy.wav");
elseif (cause == "UNALLOCATED_NUMBER") then
session:streamFile("ivr/ivr-unallocated_number.wav");
elseif (cause == "NO_USER_RESPONSE" or cause=="NO_ANSWER") then
session:streamFile("ivr/ivr-no_user_response.wav");
else
session:streamFile("ivr/ivr-please_check_number_try_again.wav");
end
